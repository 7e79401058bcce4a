using Mewe.Diversify;
using Mewe.Linking;
using Mewe.Linking.Dispatch;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Dispatch;

/// <summary>A tiny function with 16 variants, called in a loop: all that is measured is how the choice is made.</summary>
internal static class HotLoop
{
    public const int Variants = 16;

    private const int RandomBytes = 1 << 16;
    private static readonly ValueType[] Two = [ValueType.I32, ValueType.I32];

    /// <summary>loop(n) calls the function n times, each call with the result of the one before.</summary>
    public static WasmModule Original()
    {
        var module = new WasmModule();
        var function = module.AddFunction(module.IndexOfType(FunctionType.Of(Two, [ValueType.I32])), Body(0));
        AddLoop(module, function);
        return ModuleReader.Read(ModuleWriter.Write(module));
    }

    /// <summary>The same with one policy.</summary>
    public static byte[] Linked(LinkOptions options, FunctionDispatch? dispatch = null, FunctionDispatch? caller = null)
    {
        var module = Original();
        var functions = new List<FunctionVariants>
        {
            new(0, [.. Enumerable.Range(1, Variants).Select(Variant)]) { Dispatch = dispatch },
        };
        if (caller is not null)
        {
            var loop = module.Bodies[1].Decode();
            functions.Add(new FunctionVariants(1, [.. Enumerable.Range(1, Variants).Select(i => Of(new FunctionCode(loop.Locals, [.. Enumerable.Repeat(Instruction.Of(Opcode.Nop), i), .. loop.Instructions])))]) { Dispatch = caller });
        }

        return MultivariantLinker.Link(module, functions, options).Module;
    }

    /// <summary>The function blinded: a mask that is drawn at run time goes into its operands and out again, and no jump is made.</summary>
    public static byte[] Blinded()
    {
        var body = new CodeBuilder(2).Get(0).I32(3).Op(Opcode.I32Add)
            .GetGlobal(VariantCode.BlindGlobal).Op(Opcode.I32WrapI64).Op(Opcode.I32Xor).Get(1).GetGlobal(VariantCode.BlindGlobal).Op(Opcode.I32WrapI64).Op(Opcode.I32Xor)
            .Op(Opcode.I32Xor).I32(5).Op(Opcode.I32Mul).Body();
        return MultivariantLinker.Link(Original(), [new FunctionVariants(0, [Of(body.Decode())])], new LinkOptions { Policy = DispatchPolicy.Forced, ForcedChoice = 1 }).Module;
    }

    /// <summary>What <see cref="Blinded"/> is compared with: the same function behind the same dispatcher, without the mask.</summary>
    public static byte[] Forced() =>
        MultivariantLinker.Link(Original(), [new FunctionVariants(0, [Variant(1)])], new LinkOptions { Policy = DispatchPolicy.Forced, ForcedChoice = 1 }).Module;

    /// <summary>The floor: a dispatcher that takes its choice from a table of random bytes, so that nothing is left but a jump that no processor foresees.</summary>
    public static byte[] BareJump()
    {
        var module = new WasmModule();
        var type = module.IndexOfType(FunctionType.Of(Two, [ValueType.I32]));
        var dispatcher = module.AddFunction(type, Body(0));
        var choices = Enumerable.Range(0, Variants + 1).Select(i => module.AddFunction(type, Body(i))).ToArray();
        module.Memories.Add(new MemoryType(new SizeLimits(1, 1)));
        var random = new Random(1);
        var bytes = Enumerable.Range(0, RandomBytes).Select(_ => (byte)random.Next(choices.Length)).ToArray();
        module.Data.Add(new DataSegment(0, SegmentMode.Active, 0, ConstantExpression.Of(Instruction.I32Const(0)), bytes));
        module.Globals.Add(new Global(new GlobalType(ValueType.I32, true), ConstantExpression.Of(Instruction.I32Const(0))));
        module.Bodies[0] = DispatcherCode.Write(module.FunctionTypeAt(type), choices, tailCalls: false, DispatchForm.BranchTable, code =>
        {
            var at = code.Local(ValueType.I32);
            code.GetGlobal(0).Tee(at).I32(1).Op(Opcode.I32Add).I32(RandomBytes - 1).Op(Opcode.I32And).SetGlobal(0).Get(at).Add(Instruction.Memory(Opcode.I32Load8U, 0, 0));
        });
        AddLoop(module, dispatcher);
        return ModuleWriter.Write(module);
    }

    private static void AddLoop(WasmModule module, uint function)
    {
        var code = new CodeBuilder(1);
        var sum = code.Local(ValueType.I32);
        code.Open(Opcode.Loop).Get(sum).Get(0).Call(function).Set(sum).Get(0).I32(1).Op(Opcode.I32Sub).Tee(0).Op(Opcode.BrIf, 0).End().Get(sum);
        var loop = module.AddFunction(module.IndexOfType(FunctionType.Of([ValueType.I32], [ValueType.I32])), code.Body());
        module.Exports.Add(new Export("loop", ExternKind.Function, loop));
    }

    /// <summary>Every version gives the same answer for the same amount of work; what differs is folded by the engine, and code that lies elsewhere is what counts here.</summary>
    private static FunctionBody Body(int version) =>
        new CodeBuilder(2).Get(0).I32(version + 3).Op(Opcode.I32Add).I32(version).Op(Opcode.I32Sub).Get(1).Op(Opcode.I32Xor).I32(5).Op(Opcode.I32Mul).Body();

    private static LinkedVariant Variant(int version) => Of(Body(version).Decode());

    private static LinkedVariant Of(FunctionCode code) => new(new VariantCode(code), [], new Evidence(EvidenceKind.Tested, 0, 0, 0));
}
