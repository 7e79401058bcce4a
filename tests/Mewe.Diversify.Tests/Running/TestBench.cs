using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using static Mewe.Diversify.Tests.Running.Code;

namespace Mewe.Diversify.Tests.Running;

/// <summary>
/// A module for bodies of one type, and around it what a sweep needs: each run starts from the same memory and globals, calls of the stub leave a trace whose order
/// matters, loops burn fuel so that all of them end, and the digest covers results, trace, globals and the whole memory, also after a trap. Independent of the product's own harness on purpose.
/// </summary>
internal sealed class TestBench
{
    /// <summary>Function index of the stub (i32, i64) -> i32 that bodies may call.</summary>
    public const uint Log = 0;

    /// <summary>Function index of the body that is diversified.</summary>
    public const uint Body = 2;

    /// <summary>Globals that bodies may use: i32, i64, i32. Those behind them belong to the bench.</summary>
    public const int BodyGlobals = 3;

    private const uint Trace = 3, Seed = 4, Fuel = 5, Outcome = 6, Blind = 7;

    /// <summary>Turns of loops that the original may take in a run; unrolling and peeling change the number, so variants get more.</summary>
    private const int OriginalFuel = 500_000, VariantFuel = (4 * OriginalFuel) + 1000;

    public static readonly FunctionType BodyType = FunctionType.Of([ValueType.I32, ValueType.I64, ValueType.I32], [ValueType.I32]);

    public static readonly FunctionType PairOut = FunctionType.Of([], [ValueType.I32, ValueType.I64]);

    public static readonly FunctionType PairIn = FunctionType.Of([ValueType.I32, ValueType.I64], [ValueType.I32]);

    private readonly WasmModule module = new();
    private readonly List<uint> bodies = [];

    public TestBench(FunctionCode body)
    {
        module.IndexOfType(PairOut);
        module.IndexOfType(PairIn);
        module.IndexOfType(FunctionType.Of([ValueType.I32], [ValueType.I32]));
        module.Memories.Add(new MemoryType(new SizeLimits(1, 1)));
        foreach (var type in new[] { ValueType.I32, ValueType.I64, ValueType.I32, ValueType.I64, ValueType.I32, ValueType.I32, ValueType.I32, ValueType.I64 })
        {
            module.Globals.Add(new Global(new GlobalType(type, true), ConstantExpression.Of(type == ValueType.I32 ? I32(0) : I64(0))));
        }

        var bytes = new byte[4096];
        new Random(7).NextBytes(bytes);
        module.Data.Add(new DataSegment(1, SegmentMode.Passive, 0, null, bytes));
        module.DataCount = 1;

        // log: the trace is a hash of the arguments in their order; the answer depends on the trace.
        Add(FunctionType.Of([ValueType.I32, ValueType.I64], [ValueType.I32]), [],
            GlobalGet(Trace), I64(0x100_0000_01B3), Op(Opcode.I64Mul), Get(0), Op(Opcode.I64ExtendI32U), Op(Opcode.I64Add), I64(31), Op(Opcode.I64Rotl),
            Get(1), Op(Opcode.I64Xor), GlobalSet(Trace), GlobalGet(Trace), I64(29), Op(Opcode.I64ShrU), Op(Opcode.I32WrapI64), End);

        // reset(input): memory, globals, trace.
        Add(FunctionType.Of([ValueType.I32], []), [],
            I32(0), I32(0), I32(65536), Op(Opcode.MemoryFill), I32(0), I32(0), I32(4096), Instruction.Of(Opcode.MemoryInit, 0, 0),
            Get(0), I32(unchecked((int)0x9E37_79B1)), Op(Opcode.I32Mul), GlobalSet(Seed), GlobalGet(Seed), GlobalSet(0),
            GlobalGet(Seed), Op(Opcode.I64ExtendI32S), I64(77), Op(Opcode.I64Mul), GlobalSet(1), Get(0), GlobalSet(2), Get(0), Op(Opcode.I64ExtendI32U), I64(unchecked((long)0x9E37_79B9_7F4A_7C15)), Op(Opcode.I64Mul), GlobalSet(Blind), I64(0), GlobalSet(Trace), I32(0), GlobalSet(Outcome), End);
        AddBody(new VariantCode(body));
    }

    public ModuleFacts Facts => new(module);

    /// <summary>The body as input of the diversifier.</summary>
    public FunctionInput Input => FunctionInput.Of(Facts, Body);

    /// <summary>Adds another version of the body, with what it outlined.</summary>
    public void AddBody(VariantCode variant)
    {
        var outlined = variant.Outlined.Select(item => module.AddFunction(module.IndexOfType(item.Type), new FunctionBody(Patch(item.Code, [])))).ToArray();
        bodies.Add(module.AddFunction(module.IndexOfType(BodyType), new FunctionBody(Patch(variant.Code, outlined))));
    }

    /// <summary>The module alone, with the bodies so far.</summary>
    public byte[] ModuleBytes() => ModuleWriter.Write(module);

    /// <summary>The harness module: one subject per body, the original first.</summary>
    public (byte[] Bytes, int Subjects) Harness()
    {
        var harness = module.Clone();
        for (var i = 0; i < harness.Bodies.Count; i++)
        {
            harness.Bodies[i] = new FunctionBody(WithFuel(harness.Bodies[i].Decode()));
        }

        void Export(string name, FunctionType type, ImmutableArray<LocalGroup> locals, params Instruction[] code) =>
            harness.Exports.Add(new Export(name, ExternKind.Function, harness.AddFunction(harness.IndexOfType(type), new FunctionBody(new FunctionCode(locals, [.. code])))));

        for (var k = 0; k < bodies.Count; k++)
        {
            Export($"subject_{k}", FunctionType.Of([ValueType.I32], []), [],
                [Get(0), Call(1), I32(k == 0 ? OriginalFuel : VariantFuel), GlobalSet(Fuel), .. Argument(0), .. Argument(1), Op(Opcode.I64ExtendI32S), .. Argument(1), Op(Opcode.I64ExtendI32U), I64(25), Op(Opcode.I64Rotl), Op(Opcode.I64Xor),
                    .. Argument(2), Call(bodies[k]), I64(-1), Call(Log), Drop, End]);
        }

        Export("digest", FunctionType.Of([], [ValueType.I64]), [new LocalGroup(1, ValueType.I32), new LocalGroup(1, ValueType.I64)],
            GlobalGet(Trace), Set(1), Loop(),
            Get(1), I64(0x100_0000_01B3), Op(Opcode.I64Mul), Get(0), Load(Opcode.I64Load), Op(Opcode.I64Xor), Set(1),
            Get(0), I32(8), Op(Opcode.I32Add), Tee(0), I32(65536), Op(Opcode.I32LtU), BrIf(0), End,
            Get(1), GlobalGet(0), Op(Opcode.I64ExtendI32U), Op(Opcode.I64Xor), I64(13), Op(Opcode.I64Rotl), GlobalGet(1), Op(Opcode.I64Add), I64(13), Op(Opcode.I64Rotl),
            GlobalGet(2), Op(Opcode.I64ExtendI32U), Op(Opcode.I64Xor), End);
        Export("outcome", FunctionType.Of([], [ValueType.I32]), [], GlobalGet(Outcome), End);
        return (ModuleWriter.Write(harness), bodies.Count);
    }

    /// <summary>Argument k of an input: small numbers, boundaries and random bits take turns.</summary>
    private static Instruction[] Argument(int k) =>
    [
        Get(0), I32(0x85EB_CA6B - 0x1_0000_0000L is var c ? (int)c + k : k), Op(Opcode.I32Mul), I32(13 + k), Op(Opcode.I32Rotl), I32(0x2545F491), Op(Opcode.I32Mul),
        Get(0), I32(k), Op(Opcode.I32ShrU), I32(3), Op(Opcode.I32And), I32(10), Op(Opcode.I32Mul), Op(Opcode.I32ShrS),
    ];

    private static FunctionCode Patch(FunctionCode code, uint[] outlined) => new(code.Locals,
        [.. code.Instructions.Select(item => VariantCode.NamesBlindWord(item) ? item.WithIndex(Blind) : item.Opcode == Opcode.Call && item.Index >= VariantCode.OutlinedBase ? item.WithIndex(outlined[item.Index - VariantCode.OutlinedBase]) : item)]);

    private static FunctionCode WithFuel(FunctionCode code) => new(code.Locals,
        [.. code.Instructions.SelectMany(item => item.Opcode == Opcode.Loop ? [item, .. BurnFuel] : new[] { item })]);

    private static readonly Instruction[] BurnFuel =
    [
        GlobalGet(Fuel), I32(1), Op(Opcode.I32Sub), GlobalSet(Fuel), GlobalGet(Fuel), Op(Opcode.I32Eqz), Instruction.Block(Opcode.If, BlockType.Empty),
        I32(SweepOutcome.FuelExhausted), GlobalSet(Outcome), Op(Opcode.Unreachable), End,
    ];

    private void Add(FunctionType type, ImmutableArray<LocalGroup> locals, params Instruction[] code) =>
        module.AddFunction(module.IndexOfType(type), new FunctionBody(new FunctionCode(locals, [.. code])));
}
