using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>A wrong operator.</summary>
internal sealed class WrongOperator : PlantedBug
{
    private static readonly Dictionary<Opcode, Opcode> Others = new()
    {
        [Opcode.I32Add] = Opcode.I32Sub, [Opcode.I32Sub] = Opcode.I32Add, [Opcode.I32And] = Opcode.I32Or, [Opcode.I32Or] = Opcode.I32Xor, [Opcode.I32Xor] = Opcode.I32Or,
        [Opcode.I64Add] = Opcode.I64Sub, [Opcode.I64Or] = Opcode.I64Xor, [Opcode.I64Xor] = Opcode.I64Or, [Opcode.I64And] = Opcode.I64Or,
        [Opcode.I32Eq] = Opcode.I32Ne, [Opcode.I32LeS] = Opcode.I32GtS, [Opcode.I32GeU] = Opcode.I32LtU, [Opcode.F64Add] = Opcode.F64Sub,
        [Opcode.F64Min] = Opcode.F64Max, [Opcode.F64Lt] = Opcode.F64Le, [Opcode.I32x4Add] = Opcode.I32x4Sub, [Opcode.V128Xor] = Opcode.V128Or,
    };

    public override int Number => 0;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module) =>
        Positions(code, instruction => Others.ContainsKey(instruction.Opcode)).Select(at => Replace(code, at, 1, Op(Others[code.Instructions[at].Opcode])));
}

/// <summary>A constant off by one.</summary>
internal sealed class WrongConstant : PlantedBug
{
    public override int Number => 0;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module) =>
        Positions(code, instruction => instruction.Opcode == Opcode.I32Const).Select(at => Replace(code, at, 1, Instruction.I32Const(code.Instructions[at].I32 + 1)));
}

/// <summary>A store that is left out, or an access at the next address.</summary>
internal sealed class WrongAccess : PlantedBug
{
    public override int Number => 0;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        foreach (var at in Positions(code, instruction => instruction.Info.Immediate == ImmediateKind.Memory))
        {
            var access = code.Instructions[at];
            yield return access.Info.Results.Length == 0
                ? Replace(code, at, 1, Op(Opcode.Drop), Op(Opcode.Drop))
                : Replace(code, at, 1, access.WithOffset(access.Bits + 1));
        }
    }
}

/// <summary>A condition the wrong way round.</summary>
internal sealed class InvertedCondition : PlantedBug
{
    public override int Number => 0;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module) =>
        Positions(code, instruction => instruction.Opcode is Opcode.If or Opcode.BrIf or Opcode.Select).Select(at => Replace(code, at, 0, Op(Opcode.I32Eqz)));
}
