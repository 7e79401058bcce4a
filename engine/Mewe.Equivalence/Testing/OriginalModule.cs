using System.Collections.Concurrent;
using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>The module under test, its index spaces laid out flat and its constant expressions evaluated, once for all functions.</summary>
internal sealed class OriginalModule
{
    private readonly ImmutableArray<uint> functionTypes;
    private readonly ConcurrentDictionary<LibraryKind, Lazy<HarnessLibrary>> libraries = new();

    public OriginalModule(WasmModule module, TestOptions options)
    {
        Module = module;
        functionTypes = module.AllFunctionTypes();
        ImportedFunctions = module.ImportedFunctionCount;
        Memories = module.AllMemories();
        Tables = module.AllTables();
        GlobalTypes = module.AllGlobals();
        GlobalValues = Evaluate(module, GlobalTypes, options.Seed);
        Pages = [.. Memories.Select(memory => Math.Min(memory.Limits.Minimum, (ulong)options.MaximumPages))];
        Slices = Place(module);
        StackPointer = Enumerable.Range(0, GlobalTypes.Length).Select(global => (uint)global).Where(LooksLikePointer).Select(global => GlobalValues[(int)global].Low).FirstOrDefault();
        DataEnd = Slices.Where(slice => slice.Memory == 0).Select(slice => slice.Address + (ulong)slice.Bytes.Length).DefaultIfEmpty(0UL).Max();
    }

    public WasmModule Module { get; }

    public int ImportedFunctions { get; }

    public ImmutableArray<MemoryType> Memories { get; }

    public ImmutableArray<TableType> Tables { get; }

    /// <summary>Initial pages of each memory in the harness.</summary>
    public ImmutableArray<ulong> Pages { get; }

    public ImmutableArray<GlobalType> GlobalTypes { get; }

    /// <summary>Initial value of each global; an imported number gets an address-like one.</summary>
    public ImmutableArray<ValueBits> GlobalValues { get; }

    /// <summary>What active data segments put into the memories, in their order.</summary>
    public ImmutableArray<MemorySlice> Slices { get; }

    /// <summary>The end of what active segments put into memory 0.</summary>
    public ulong DataEnd { get; }

    /// <summary>What the stack pointer, if there seems to be one, starts as; else 0.</summary>
    public ulong StackPointer { get; }

    public ulong Bytes(int memory) => Pages[memory] << 16;

    /// <summary>The library of harnesses for this module.</summary>
    public HarnessLibrary Library(LibraryKind kind) => libraries.GetOrAdd(kind, _ => new(() => new HarnessLibrary(this, kind))).Value;

    public uint TypeIndexOf(uint function) => functionTypes[(int)function];

    public FunctionType TypeOf(uint function) => Module.FunctionTypeAt(functionTypes[(int)function]);

    public FunctionCode CodeOf(uint function) => Module.Bodies[(int)function - ImportedFunctions].Decode();

    /// <summary>Mutable i32 or i64 globals that start as an address beyond the first kilobyte of memory 0: among them the stack pointer.</summary>
    public bool LooksLikePointer(uint global) => GlobalTypes[(int)global] is { Mutable: true, Value.IsInteger: true } && Memories.Length > 0
        && GlobalValues[(int)global].Low is > 1024 and var address && address <= Bytes(0);

    private ImmutableArray<MemorySlice> Place(WasmModule module)
    {
        var slices = ImmutableArray.CreateBuilder<MemorySlice>();
        foreach (var segment in module.Data)
        {
            if (segment.Mode == SegmentMode.Active && segment.Memory < Pages.Length && Evaluate(segment.Offset!, GlobalValues).Low is var address
                && address < Bytes((int)segment.Memory))
            {
                var room = (int)Math.Min((ulong)segment.Bytes.Length, Bytes((int)segment.Memory) - address);
                slices.Add(new MemorySlice(segment.Memory, address, segment.Bytes[..room]));
            }
        }

        return slices.ToImmutable();
    }

    private static ImmutableArray<ValueBits> Evaluate(WasmModule module, ImmutableArray<GlobalType> types, ulong seed)
    {
        var values = ImmutableArray.CreateBuilder<ValueBits>(types.Length);
        var imported = types.Length - module.Globals.Count;
        for (var i = 0; i < types.Length; i++)
        {
            values.Add(i >= imported ? Evaluate(module.Globals[i - imported].Initializer, values)
                : types[i].Value.IsReference ? default
                : ValueBits.Of(SplitMix.Mix(seed, (ulong)i) % 64 * 1024));
        }

        return values.MoveToImmutable();
    }

    /// <summary>The value of a constant expression; a reference counts as null, or as not null where it is made by ref.func.</summary>
    private static ValueBits Evaluate(ConstantExpression expression, IReadOnlyList<ValueBits> globals)
    {
        var stack = new Stack<ValueBits>();
        foreach (var instruction in expression.Code)
        {
            switch (instruction.Opcode)
            {
                case Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const:
                    stack.Push(ValueBits.Of(instruction.Bits));
                    break;
                case Opcode.V128Const:
                    var vector = (V128Payload)instruction.Payload!;
                    stack.Push(new ValueBits(vector.Low, vector.High));
                    break;
                case Opcode.GlobalGet:
                    stack.Push(globals[(int)instruction.Index]);
                    break;
                case Opcode.RefFunc:
                    stack.Push(ValueBits.Of(1));
                    break;
                case Opcode.I32Add or Opcode.I32Sub or Opcode.I32Mul or Opcode.I64Add or Opcode.I64Sub or Opcode.I64Mul:
                    var right = stack.Pop().Low;
                    var left = stack.Pop().Low;
                    var result = instruction.Opcode switch
                    {
                        Opcode.I32Add or Opcode.I64Add => left + right,
                        Opcode.I32Sub or Opcode.I64Sub => left - right,
                        _ => left * right,
                    };
                    stack.Push(ValueBits.Of(instruction.Opcode is Opcode.I32Add or Opcode.I32Sub or Opcode.I32Mul ? (uint)result : result));
                    break;
                case Opcode.End:
                    break;
                default:
                    stack.Push(default);
                    break;
            }
        }

        return stack.Count > 0 ? stack.Peek() : default;
    }
}

/// <summary>Bytes at an address of a memory.</summary>
internal sealed record MemorySlice(uint Memory, ulong Address, ReadOnlyMemory<byte> Bytes);
