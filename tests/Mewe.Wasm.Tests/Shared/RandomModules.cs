using System.Collections.Immutable;

namespace Mewe.Wasm.Tests.Shared;

/// <summary>Random modules that can be written and read; most are not valid.</summary>
internal static class RandomModules
{
    public static WasmModule Make(int seed)
    {
        var random = new InstructionGenerator(seed);
        var module = new WasmModule();
        Repeat(4, () => module.TypeGroups.Add(Group(random)));
        Repeat(4, () => module.Imports.Add(new Import(Name(random), Name(random), Extern(random))));
        Repeat(3, () => module.Tables.Add(new Table(Table(random), random.Below(2) == 0 ? null : Constant(random))));
        Repeat(3, () => module.Memories.Add(new MemoryType(Limits(random, memory: true))));
        Repeat(3, () => module.Tags.Add(new TagType(random.Index())));
        Repeat(3, () => module.Globals.Add(new Global(new GlobalType(random.AnyValueType(), random.Below(2) == 0), Constant(random))));
        Repeat(3, () => module.Exports.Add(new Export(Name(random), (ExternKind)random.Below(5), random.Index())));
        Repeat(5, () => module.Elements.Add(Element(random, (uint)random.Below(8))));
        Repeat(4, () => module.AddFunction(random.Index(), new FunctionBody(Code(random))));
        Repeat(3, () => module.Data.Add(Data(random, (uint)random.Below(3))));
        if (random.Below(2) == 0)
        {
            module.Start = random.Index();
        }

        if (random.Below(2) == 0)
        {
            module.DataCount = (uint)module.Data.Count;
        }

        if (random.Below(2) == 0)
        {
            module.SetCustom(Name(random), Bytes(random));
        }

        return module;

        void Repeat(int limit, Action add)
        {
            for (var left = random.Below(limit); left > 0; left--)
            {
                add();
            }
        }
    }

    /// <summary>Well-nested code of random instructions.</summary>
    public static FunctionCode Code(InstructionGenerator random)
    {
        var code = new List<Instruction>();
        var open = new Stack<Opcode>();
        for (var left = random.Below(60); left > 0; left--)
        {
            var instruction = random.Next();
            var fits = instruction.Opcode switch
            {
                Opcode.Else => open.TryPeek(out var opener) && opener == Opcode.If,
                Opcode.Catch or Opcode.CatchAll => open.TryPeek(out var opener) && opener is Opcode.Try or Opcode.Catch,
                Opcode.Delegate => open.TryPeek(out var opener) && opener == Opcode.Try,
                Opcode.End => open.Count > 0,
                _ => true,
            };
            if (!fits)
            {
                continue;
            }

            code.Add(instruction);
            if (instruction.OpensBlock)
            {
                open.Push(instruction.Opcode);
            }
            else if (instruction.Opcode is Opcode.End or Opcode.Delegate)
            {
                open.Pop();
            }
            else if (instruction.Opcode is Opcode.Else or Opcode.Catch or Opcode.CatchAll)
            {
                open.Pop();
                open.Push(instruction.Opcode);
            }
        }

        code.AddRange(Enumerable.Repeat(Instruction.Of(Opcode.End), open.Count + 1));
        return new FunctionCode(FunctionCode.Group(random.ValueTypes(6)), [.. code]);
    }

    private static ConstantExpression Constant(InstructionGenerator random)
    {
        var code = ImmutableArray.CreateBuilder<Instruction>();
        for (var left = random.Below(4); left > 0; left--)
        {
            var row = random.Row();
            if (row.Immediate is not (ImmediateKind.BlockType or ImmediateKind.TryTable)
                && row.Opcode is not (Opcode.End or Opcode.Else or Opcode.Catch or Opcode.CatchAll or Opcode.Delegate))
            {
                code.Add(random.Next(row));
            }
        }

        code.Add(Instruction.Of(Opcode.End));
        return new ConstantExpression(code.ToImmutable());
    }

    private static RecursionGroup Group(InstructionGenerator random)
    {
        var members = Enumerable.Range(0, random.Below(4)).Select(_ => new SubType(random.Below(2) == 0,
            [.. Enumerable.Range(0, random.Below(2)).Select(_ => random.Index())], Composite(random))).ToImmutableArray();
        return new RecursionGroup(members) { Explicit = random.Below(2) == 0 || members.Length != 1 };
    }

    private static CompositeType Composite(InstructionGenerator random) => random.Below(3) switch
    {
        0 => new StructType([.. Enumerable.Range(0, random.Below(4)).Select(_ => Field(random))]),
        1 => new ArrayType(Field(random)),
        _ => new FunctionType(random.ValueTypes(5), random.ValueTypes(4)),
    };

    private static FieldType Field(InstructionGenerator random) =>
        new(random.Below(4) switch { 0 => ValueType.I8, 1 => ValueType.I16, _ => random.AnyValueType() }, random.Below(2) == 0);

    private static SizeLimits Limits(InstructionGenerator random, bool memory) =>
        new(random.Word(), random.Below(2) == 0 ? null : random.Word(), random.Below(2) == 0, memory && random.Below(2) == 0);

    private static TableType Table(InstructionGenerator random) =>
        new(ValueType.Ref(random.AnyHeapType(), random.Below(2) == 0), Limits(random, memory: false));

    private static ExternType Extern(InstructionGenerator random) => random.Below(5) switch
    {
        0 => new FunctionExtern(random.Index()),
        1 => Table(random),
        2 => new MemoryType(Limits(random, memory: true)),
        3 => new GlobalType(random.AnyValueType(), random.Below(2) == 0),
        _ => new TagType(random.Index()),
    };

    private static ElementSegment Element(InstructionGenerator random, uint form)
    {
        var mode = (form & 1) == 0 ? SegmentMode.Active : (form & 2) == 0 ? SegmentMode.Passive : SegmentMode.Declarative;
        var expressions = (form & 4) != 0;
        var type = !expressions ? ValueType.Ref(HeapType.Func, nullable: false)
            : (form & 3) == 0 ? ValueType.FuncRef : ValueType.Ref(random.AnyHeapType(), random.Below(2) == 0);
        return new ElementSegment(form, mode, mode == SegmentMode.Active && (form & 2) != 0 ? random.Index() : 0, mode == SegmentMode.Active ? Constant(random) : null, type,
            expressions ? default : [.. Enumerable.Range(0, random.Below(5)).Select(_ => random.Index())],
            expressions ? [.. Enumerable.Range(0, random.Below(4)).Select(_ => Constant(random))] : default);
    }

    private static DataSegment Data(InstructionGenerator random, uint form) => new(form, form == 1 ? SegmentMode.Passive : SegmentMode.Active,
        form == 2 ? random.Index() : 0, form == 1 ? null : Constant(random), Bytes(random));

    private static byte[] Bytes(InstructionGenerator random) => [.. Enumerable.Range(0, random.Below(40)).Select(_ => (byte)random.Below(256))];

    private static string Name(InstructionGenerator random) =>
        string.Concat(Enumerable.Range(0, random.Below(8)).Select(_ => random.Below(5) switch { 0 => "é", 1 => "\0", 2 => "𝒲", _ => ((char)('a' + random.Below(26))).ToString() }));
}
