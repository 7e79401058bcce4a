using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tests;

/// <summary>
/// A WASI module without random_get in which functions are named in every way there is, so that an index shift that forgets one place shows:
/// bodies, exports, start, both kinds of element segments, the initialisers of a global and of a table, names, branch hints.
/// Function 0 is the import, 1 answers 100, 2 answers 200, 3 has a branch, 4 is the start function, 5 uses everything.
/// </summary>
internal static class EverythingModule
{
    public const uint First = 1, Second = 2, Branching = 3, Start = 4, All = 5;

    public static WasmModule Make()
    {
        var builder = new ModuleBuilder().Wasi();
        var module = builder.Module;
        builder.Constant(100);
        builder.Constant(200, "second");
        builder.Function([ValueType.I32], [ValueType.I32],
            code => code.Open(Opcode.Block).Get(0).Op(Opcode.BrIf, 0).Call(First).Op(Opcode.Return).End().Call(Second), "branching");
        var seen = builder.Global(0, "seen");
        builder.Function([], [], code => code.Call(First).SetGlobal(seen));
        module.Start = Start;
        var answers = module.IndexOfType(FunctionType.Of([], [ValueType.I32]));
        var reference = ValueType.Ref(HeapType.Func, false);
        module.Globals.Add(new Global(new GlobalType(ValueType.FuncRef, false), ConstantExpression.Of(Instruction.Of(Opcode.RefFunc, Second))));
        module.Tables.Add(new Table(new TableType(reference, new SizeLimits(2, null)), ConstantExpression.Of(Instruction.Of(Opcode.RefFunc, Second))));
        module.Elements.Add(new ElementSegment(0, SegmentMode.Active, 0, ConstantExpression.Of(Instruction.I32Const(0)), reference, [First], default));
        module.Elements.Add(new ElementSegment(5, SegmentMode.Passive, 0, null, ValueType.FuncRef, default,
            [ConstantExpression.Of(Instruction.Of(Opcode.RefFunc, Branching))]));
        builder.Function([], [ValueType.I32, ValueType.I32, ValueType.I32, ValueType.I32], code =>
        {
            var local = code.Local(ValueType.Ref(HeapType.Index(answers), true));
            code.I32(0).Add(Instruction.Of(Opcode.CallIndirect, answers, 0)).I32(1).Add(Instruction.Of(Opcode.CallIndirect, answers, 0))
                .Op(Opcode.RefFunc, First).Set(local).Get(local).Op(Opcode.CallRef, answers)
                .I32(1).Call(Branching);
        }, "all");
        var bytes = ModuleWriter.Write(module);

        // The hints stand before the code section: read the module back, and put them in.
        var read = ModuleReader.Read(bytes);
        read.Bodies[(int)Branching - 1].Decode(out var offsets);
        var hints = new BinaryEncoder();
        hints.U32(1);
        hints.U32(Branching);
        hints.U32(1);
        hints.U32((uint)(offsets[2] - read.Bodies[(int)Branching - 1].Offset));
        hints.Bytes([1, 1]);
        var code = read.Layout.FindIndex(place => place.Id == SectionId.Code);
        Insert(read, code, "metadata.code.branch_hint", hints.ToArray());
        Insert(read, code, "producers", [0]);
        read.SetCustom("name", Names());
        read.SetCustom("unknown", new byte[] { 1, 2, 3 });
        read.SetCustom(".debug_line", new byte[] { 4, 5, 6 });
        return ModuleReader.Read(ModuleWriter.Write(read));
    }

    private static void Insert(WasmModule module, int at, string name, byte[] content) =>
        module.Layout.Insert(at, new SectionPlace(SectionId.Custom, default, 0) { Custom = new CustomSection(name, content) });

    private static byte[] Names()
    {
        var output = new BinaryEncoder();
        Subsection(output, 0, inner => inner.Name("everything"));
        Subsection(output, 1, inner => Map(inner, (First, "first"), (Branching, "branching"), (All, "all")));
        Subsection(output, 2, inner =>
        {
            inner.U32(2);
            inner.U32(Branching);
            Map(inner, (0, "which"));
            inner.U32(All);
            Map(inner, (0, "held"));
        });
        Subsection(output, 3, inner =>
        {
            inner.U32(1);
            inner.U32(Branching);
            Map(inner, (0, "over"));
        });
        Subsection(output, 9, inner => Map(inner, (0, "data that is not there")));
        return output.ToArray();
    }

    private static void Subsection(BinaryEncoder output, byte id, Action<BinaryEncoder> write)
    {
        var inner = new BinaryEncoder();
        write(inner);
        output.Byte(id);
        output.U32((uint)inner.Length);
        output.Bytes(inner.Written);
    }

    private static void Map(BinaryEncoder output, params (uint Index, string Name)[] names)
    {
        output.U32((uint)names.Length);
        foreach (var (index, name) in names)
        {
            output.U32(index);
            output.Name(name);
        }
    }
}
