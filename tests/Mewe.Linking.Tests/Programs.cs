using Mewe.Execution;
using Mewe.Wasm;

namespace Mewe.Linking.Tests;

/// <summary>Small programs, one for each thing that a dispatcher could get wrong, with calls that show it.</summary>
internal static class Programs
{
    /// <summary>A program and what to do with it. What the calls give on the original is what they must give on every multivariant form.</summary>
    internal sealed record Program(WasmModule Module, params SessionCommand[] Script);

    private static readonly ValueType I32 = ValueType.I32, I64 = ValueType.I64;

    private static readonly Dictionary<string, Func<ModuleBuilder, SessionCommand[]>> All = new()
    {
        ["start"] = Start,
        ["tables"] = Tables,
        ["recursion"] = Recursion,
        ["mutual recursion"] = MutualRecursion,
        ["tail calls"] = TailCalls,
        ["multiple results"] = MultipleResults,
        ["exceptions"] = Exceptions,
        ["traps"] = Traps,
        ["references"] = References,
        ["exported memory"] = ExportedMemory,
        ["64-bit memory"] = Memory64,
        ["imports only"] = ImportsOnly,
        ["no functions"] = _ => [],
    };

    public static IEnumerable<string> Names => All.Keys;

    /// <param name="wasi">Whether the program is a WASI module as well.</param>
    public static Program Make(string name, bool wasi)
    {
        var builder = new ModuleBuilder();
        if (wasi)
        {
            builder.Wasi();
        }

        var script = All[name](builder);
        return new Program(builder.Read(), script);
    }

    private static SessionCommand.Invoke Call(string export, params WasmValue[] arguments) => new(0, export, [.. arguments]);

    private static SessionCommand[] Start(ModuleBuilder module)
    {
        var global = module.Global(1, "count");
        var bump = module.Function([], [], code => code.GetGlobal(global).I32(2).Op(Opcode.I32Mul).SetGlobal(global), "bump");
        module.Module.Start = module.Function([], [], code => code.Call(bump).Call(bump));
        return [new SessionCommand.GetGlobal(0, "count"), Call("bump"), Call("bump"), new SessionCommand.GetGlobal(0, "count")];
    }

    private static SessionCommand[] Tables(ModuleBuilder module)
    {
        var twice = module.Function([I32], [I32], code => code.Get(0).I32(2).Op(Opcode.I32Mul));
        var square = module.Function([I32], [I32], code => code.Get(0).Get(0).Op(Opcode.I32Mul));
        module.Function([I32, I32], [I32],
            code => code.Get(0).Get(1).Add(Instruction.Of(Opcode.CallIndirect, module.Module.IndexOfType(FunctionType.Of([I32], [I32])), 0)), "apply");
        module.Table(twice, square);
        return [.. Enumerable.Range(0, 6).Select(i => Call("apply", WasmValue.I32(i + 5), WasmValue.I32(i % 3)))];
    }

    private static SessionCommand[] Recursion(ModuleBuilder module)
    {
        var self = (uint)module.Module.FunctionCount;
        module.Function([I32], [I32], code => code
            .Get(0).I32(2).Op(Opcode.I32LtU).Open(Opcode.If, I32).Get(0).Op(Opcode.Else)
            .Get(0).I32(1).Op(Opcode.I32Sub).Call(self).Get(0).I32(2).Op(Opcode.I32Sub).Call(self).Op(Opcode.I32Add).End(), "fib");
        return [Call("fib", WasmValue.I32(17)), Call("fib", WasmValue.I32(1))];
    }

    private static SessionCommand[] MutualRecursion(ModuleBuilder module) => EvenAndOdd(module, Opcode.Call, 1001);

    private static SessionCommand[] TailCalls(ModuleBuilder module) => EvenAndOdd(module, Opcode.ReturnCall, 1_000_000);

    private static SessionCommand[] EvenAndOdd(ModuleBuilder module, Opcode call, int depth)
    {
        var even = (uint)module.Module.FunctionCount;
        module.Function([I32], [I32], code => Step(code, even + 1, 1), "even");
        module.Function([I32], [I32], code => Step(code, even, 0), "odd");
        return [Call("even", WasmValue.I32(depth)), Call("odd", WasmValue.I32(depth)), Call("odd", WasmValue.I32(depth - 1))];

        void Step(Dispatch.CodeBuilder code, uint other, int atZero) => code
            .Get(0).Op(Opcode.I32Eqz).Open(Opcode.If).I32(atZero).Op(Opcode.Return).End()
            .Get(0).I32(1).Op(Opcode.I32Sub).Op(call, other);
    }

    private static SessionCommand[] MultipleResults(ModuleBuilder module)
    {
        var divide = module.Function([I32, I64, I32], [I32, I64, I32],
            code => code.Get(0).Get(2).Op(Opcode.I32DivU).Get(1).Get(0).Get(2).Op(Opcode.I32RemU), "divide");
        module.Function([I32], [I32, I64, I32], code => code.Get(0).I64(7).I32(3).Call(divide), "thirds");
        return [Call("divide", WasmValue.I32(100), WasmValue.I64(-1), WasmValue.I32(7)), Call("thirds", WasmValue.I32(11)),
            Call("divide", WasmValue.I32(1), WasmValue.I64(0), WasmValue.I32(0))];
    }

    private static SessionCommand[] Exceptions(ModuleBuilder module)
    {
        var type = module.Module.IndexOfType(FunctionType.Of([I32], []));
        module.Module.Tags.Add(new TagType(type));
        var thrower = module.Function([I32], [I32], code => code
            .Get(0).I32(10).Op(Opcode.I32GtU).Open(Opcode.If).Get(0).Op(Opcode.Throw, 0).End().Get(0), "throw_above_ten");
        module.Function([I32], [I32], code => code
            .Open(Opcode.Block, I32)
            .Add(Instruction.Of(Opcode.TryTable, new TryTablePayload(BlockType.Of(I32), [new CatchClause(CatchKind.Catch, 0, 0)])))
            .Get(0).Call(thrower).I32(1000).Op(Opcode.I32Add).End()
            .Op(Opcode.Return).End(), "caught");
        return [Call("caught", WasmValue.I32(3)), Call("caught", WasmValue.I32(33)), Call("throw_above_ten", WasmValue.I32(12)),
            Call("throw_above_ten", WasmValue.I32(9))];
    }

    private static SessionCommand[] Traps(ModuleBuilder module)
    {
        var global = module.Global(0, "count");
        module.Function([I32], [], code => code.GetGlobal(global).I32(1).Op(Opcode.I32Add).SetGlobal(global)
            .Get(0).Open(Opcode.If).Op(Opcode.Unreachable).End(), "may_trap");
        return [Call("may_trap", WasmValue.I32(0)), Call("may_trap", WasmValue.I32(1)), Call("may_trap", WasmValue.I32(1)),
            Call("may_trap", WasmValue.I32(0)), new SessionCommand.GetGlobal(0, "count")];
    }

    /// <summary>A non-null reference as a parameter, and a function that is declared for ref.func by nothing but its export.</summary>
    private static SessionCommand[] References(ModuleBuilder module)
    {
        var target = module.Constant(42, "target");
        var plain = module.Module.IndexOfType(FunctionType.Of([], [I32]));
        var apply = module.Function([ValueType.Ref(HeapType.Index(plain), false)], [I32], code => code.Get(0).Op(Opcode.CallRef, plain));
        module.Function([], [I32], code => code.Op(Opcode.RefFunc, target).Call(apply), "by_reference");
        return [Call("by_reference"), Call("target")];
    }

    private static SessionCommand[] ExportedMemory(ModuleBuilder module)
    {
        if (module.Module.Memories.Count == 0)
        {
            module.Memory();
        }

        module.Module.Data.Add(new DataSegment(0, SegmentMode.Active, 0, ConstantExpression.Of(Instruction.I32Const(1000)),
            Enumerable.Range(0, 100).Select(i => (byte)(i * 7)).ToArray()));
        module.Function([I32], [I32], code => code.Get(0).Get(0).Add(Instruction.Memory(Opcode.I32Load, 0, 2)).I32(1).Op(Opcode.I32Add)
            .Add(Instruction.Memory(Opcode.I32Store, 0, 2)).I32(1).Op(Opcode.MemoryGrow, 0), "bump");
        return [new SessionCommand.ReadMemory(0, new MemoryRange("memory", 0, 4096)), Call("bump", WasmValue.I32(1020)), Call("bump", WasmValue.I32(-4)),
            new SessionCommand.ReadMemory(0, new MemoryRange("memory", 0, 1 << 17))];
    }

    private static SessionCommand[] Memory64(ModuleBuilder module)
    {
        module.Memory(is64: true, name: "wide");
        var memory = (uint)module.Module.Memories.Count - 1;
        module.Function([I64, I64], [I64], code => code.Get(0).Get(1).Add(Instruction.Memory(Opcode.I64Store, 8, 3, memory))
            .Get(0).Add(Instruction.Memory(Opcode.I64Load, 8, 3, memory)), "through_memory");
        return [Call("through_memory", WasmValue.I64(64), WasmValue.I64(-9)), Call("through_memory", WasmValue.I64(1L << 40), WasmValue.I64(1)),
            new SessionCommand.ReadMemory(0, new MemoryRange("wide", 0, 128))];
    }

    private static SessionCommand[] ImportsOnly(ModuleBuilder module)
    {
        var host = module.Import("host", "give", [], [I32]);
        module.Module.Exports.Add(new Export("give", ExternKind.Function, host));
        return [Call("give")];
    }
}
