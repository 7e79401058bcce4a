using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Mewe.Wasm.Validation;

/// <summary>
/// The types of a module: which type indices mean the same type, and which type is a subtype of which (specification, 3.2 and 3.3).
/// Recursion groups are equal when they are the same up to the position of their members, so each group is spelled with its own members counted from its
/// start and all others by their canonical number, and equal spellings share their numbers.
/// </summary>
internal sealed class TypeSpace
{
    private readonly int[] canonical;
    private readonly int[] supertype;

    private TypeSpace(ImmutableArray<SubType> types)
    {
        Types = types;
        canonical = new int[types.Length];
        supertype = new int[types.Length];
    }

    public ImmutableArray<SubType> Types { get; }

    /// <exception cref="WasmException">Invalid: an unknown type, or a supertype that does not fit. Carries <paramref name="offset"/>.</exception>
    public static TypeSpace Create(WasmModule module, long offset)
    {
        var space = new TypeSpace(module.Types);
        var known = new Dictionary<int[], int>(new SpellingComparer());
        var depths = new int[space.Types.Length];
        var spelling = new List<int>();
        var start = 0;
        foreach (var group in module.TypeGroups)
        {
            var end = start + group.Members.Length;
            spelling.Clear();
            for (var i = start; i < end; i++)
            {
                space.Spell(spelling, i, start, end, offset);
            }

            var key = spelling.ToArray();
            if (!known.TryGetValue(key, out var first))
            {
                known.Add(key, first = start);
            }

            for (var i = start; i < end; i++)
            {
                space.canonical[i] = first + i - start;
            }

            for (var i = start; i < end; i++)
            {
                space.CheckSupertype(i, depths, offset);
            }

            start = end;
        }

        return space;
    }

    public int Canonical(uint type) => canonical[(int)type];

    private void Spell(List<int> spelling, int index, int start, int end, long offset)
    {
        var type = Types[index];
        if (type.Supertypes.Length > 1)
        {
            throw new WasmException(WasmErrorKind.Invalid, offset, $"sub type {index}: more than one supertype");
        }

        spelling.Add(type.Final ? 1 : 0);
        supertype[index] = -1;
        if (type.Supertypes.Length == 1)
        {
            var super = type.Supertypes[0];
            if (super >= index)
            {
                throw new WasmException(WasmErrorKind.Invalid, offset, $"unknown type {super}: a supertype stands before its subtypes");
            }

            supertype[index] = (int)super;
            SpellIndex(super);
        }

        switch (type.Type)
        {
            case FunctionType function:
                spelling.Add(-1);
                spelling.Add(function.Parameters.Length);
                foreach (var parameter in function.Parameters)
                {
                    SpellType(parameter);
                }

                spelling.Add(function.Results.Length);
                foreach (var result in function.Results)
                {
                    SpellType(result);
                }

                break;
            case StructType structure:
                spelling.Add(-2);
                spelling.Add(structure.Fields.Length);
                foreach (var field in structure.Fields)
                {
                    spelling.Add(field.Mutable ? 1 : 0);
                    SpellType(field.Storage);
                }

                break;
            case ArrayType array:
                spelling.Add(-3);
                spelling.Add(array.Element.Mutable ? 1 : 0);
                SpellType(array.Element.Storage);
                break;
        }

        void SpellIndex(uint type)
        {
            if (type >= end)
            {
                throw new WasmException(WasmErrorKind.Invalid, offset, $"unknown type {type}");
            }

            spelling.Add(type >= start ? 2 : 3);
            spelling.Add(type >= start ? (int)type - start : canonical[type]);
        }

        void SpellType(ValueType value)
        {
            if (!value.IsReference)
            {
                spelling.Add(value.NumberCode);
                return;
            }

            spelling.Add(value.IsNullable ? 4 : 5);
            if (value.Heap.IsIndex)
            {
                SpellIndex(value.Heap.TypeIndex);
            }
            else
            {
                spelling.Add(value.Heap.Code);
            }
        }
    }

    private void CheckSupertype(int index, int[] depths, long offset)
    {
        var super = supertype[index];
        if (super < 0)
        {
            return;
        }

        depths[index] = depths[super] + 1;
        if (depths[index] > Limits.MaxSubtypingDepth)
        {
            throw new WasmException(WasmErrorKind.LimitExceeded, offset, $"type {index} is a subtype deeper than {Limits.MaxSubtypingDepth}");
        }

        if (Types[super].Final || !Extends(Types[index].Type, Types[super].Type))
        {
            throw new WasmException(WasmErrorKind.Invalid, offset, $"sub type {index} does not match super type {super}");
        }
    }

    private bool Extends(CompositeType type, CompositeType super) => (type, super) switch
    {
        (FunctionType a, FunctionType b) => IsSubtype(b.Parameters.AsSpan(), a.Parameters.AsSpan()) && IsSubtype(a.Results.AsSpan(), b.Results.AsSpan()),
        (StructType a, StructType b) => a.Fields.Length >= b.Fields.Length && AllExtend(a, b),
        (ArrayType a, ArrayType b) => Extends(a.Element, b.Element),
        _ => false,
    };

    private bool AllExtend(StructType type, StructType super)
    {
        for (var i = 0; i < super.Fields.Length; i++)
        {
            if (!Extends(type.Fields[i], super.Fields[i]))
            {
                return false;
            }
        }

        return true;
    }

    // A field that can be written must have the same type both ways.
    private bool Extends(FieldType field, FieldType super) => field.Mutable == super.Mutable && IsSubtype(field.Storage, super.Storage)
        && (!field.Mutable || IsSubtype(super.Storage, field.Storage));

    public bool IsSubtype(ReadOnlySpan<ValueType> types, ReadOnlySpan<ValueType> supers)
    {
        if (types.Length != supers.Length)
        {
            return false;
        }

        for (var i = 0; i < types.Length; i++)
        {
            if (!IsSubtype(types[i], supers[i]))
            {
                return false;
            }
        }

        return true;
    }

    public bool IsSubtype(ValueType type, ValueType super)
    {
        if (type == super || type == ValueType.Bottom)
        {
            return true;
        }

        return type.IsReference && super.IsReference && (super.IsNullable || !type.IsNullable) && IsSubtype(type.Heap, super.Heap);
    }

    public bool IsSubtype(HeapType type, HeapType super)
    {
        if (type == super || type == HeapType.Bottom)
        {
            return true;
        }

        if (type.IsIndex)
        {
            return super.IsIndex ? IsDeclaredSubtype(type.Code, super.Code) : IsAbstractSubtype(AbstractOf(type.Code), super);
        }

        return super.IsIndex
            ? type == (AbstractOf(super.Code) == HeapType.Func ? HeapType.NoFunc : HeapType.None) && super.Code < Types.Length
            : IsAbstractSubtype(type, super);
    }

    private bool IsDeclaredSubtype(int type, int super)
    {
        if (type >= canonical.Length || super >= canonical.Length)
        {
            return false;
        }

        for (var at = type; at >= 0; at = supertype[at])
        {
            if (canonical[at] == canonical[super])
            {
                return true;
            }
        }

        return false;
    }

    private HeapType AbstractOf(int type) => type < Types.Length
        ? Types[type].Type switch { FunctionType => HeapType.Func, StructType => HeapType.Struct, _ => HeapType.Array }
        : HeapType.Bottom;

    private static bool IsAbstractSubtype(HeapType type, HeapType super)
    {
        if (type == super)
        {
            return true;
        }

        if (super == HeapType.Any)
        {
            return type == HeapType.Eq || type == HeapType.I31 || type == HeapType.Struct || type == HeapType.Array || type == HeapType.None;
        }

        if (super == HeapType.Eq)
        {
            return type == HeapType.I31 || type == HeapType.Struct || type == HeapType.Array || type == HeapType.None;
        }

        return type == HeapType.None ? super == HeapType.I31 || super == HeapType.Struct || super == HeapType.Array
            : type == HeapType.NoFunc ? super == HeapType.Func
            : type == HeapType.NoExtern ? super == HeapType.Extern
            : type == HeapType.NoExn && super == HeapType.Exn;
    }

    /// <summary>The top of the hierarchy that a heap type belongs to: any, func, extern or exn.</summary>
    public HeapType TopOf(HeapType heap)
    {
        var type = heap.IsIndex ? AbstractOf(heap.Code) : heap;
        return type == HeapType.Func || type == HeapType.NoFunc ? HeapType.Func
            : type == HeapType.Extern || type == HeapType.NoExtern ? HeapType.Extern
            : type == HeapType.Exn || type == HeapType.NoExn ? HeapType.Exn
            : HeapType.Any;
    }

    private sealed class SpellingComparer : IEqualityComparer<int[]>
    {
        public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(int[] spelling)
        {
            var hash = new HashCode();
            hash.AddBytes(MemoryMarshal.AsBytes(spelling.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
