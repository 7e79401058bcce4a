namespace Mewe.Wasm;

/// <summary>
/// A heap type: a type index (zero or more), or an abstract heap type, whose value is the signed form of its byte in the binary format
/// (specification, 5.3.2).
/// </summary>
public readonly record struct HeapType(int Code)
{
    public static readonly HeapType Exn = new(-0x17), Array = new(-0x16), Struct = new(-0x15), I31 = new(-0x14), Eq = new(-0x13),
        Any = new(-0x12), Extern = new(-0x11), Func = new(-0x10), None = new(-0x0F), NoExtern = new(-0x0E), NoFunc = new(-0x0D), NoExn = new(-0x0C);

    /// <summary>
    /// A subtype of every heap type, which only validation knows: what a reference of unknown type in unreachable code refers to. It is not
    /// <see cref="IsDefined"/> and cannot be written.
    /// </summary>
    public static readonly HeapType Bottom = new(int.MinValue);

    public static HeapType Index(uint type) => new(checked((int)type));

    public bool IsIndex => Code >= 0;

    public uint TypeIndex => IsIndex ? (uint)Code : throw new InvalidOperationException("an abstract heap type has no index");

    /// <summary>True for the codes that the specification defines.</summary>
    public bool IsDefined => Code is >= 0 or (>= -0x17 and <= -0x0C);

    public override string ToString() => Code switch
    {
        -0x17 => "exn", -0x16 => "array", -0x15 => "struct", -0x14 => "i31", -0x13 => "eq", -0x12 => "any", -0x11 => "extern",
        -0x10 => "func", -0x0F => "none", -0x0E => "noextern", -0x0D => "nofunc", -0x0C => "noexn", int.MinValue => "bottom",
        _ => Code.ToString(),
    };
}

/// <summary>A value type, or in a field one of the packed types i8 and i16 (specification, 2.3).</summary>
public readonly record struct ValueType
{
    private enum Category : byte { Number, Reference, NullableReference }

    // Category in the upper half, code in the lower: types are compared in the validator's innermost loop.
    private readonly ulong packed;

    private ValueType(Category category, int code) => packed = ((ulong)category << 32) | (uint)code;

    private Category Kind => (Category)(packed >> 32);

    private int Code => (int)packed;

    /// <summary>
    /// The type of a value that does not exist: an operand of unknown type in unreachable code (specification, appendix on the validation
    /// algorithm). The default of this struct; a subtype of every type, and nothing that can be written.
    /// </summary>
    public static readonly ValueType Bottom = default;

    public static readonly ValueType I32 = new(Category.Number, 0x7F), I64 = new(Category.Number, 0x7E), F32 = new(Category.Number, 0x7D),
        F64 = new(Category.Number, 0x7C), V128 = new(Category.Number, 0x7B), I8 = new(Category.Number, 0x78), I16 = new(Category.Number, 0x77);

    public static readonly ValueType FuncRef = Ref(HeapType.Func, true), ExternRef = Ref(HeapType.Extern, true);

    public static ValueType Ref(HeapType heap, bool nullable) => new(nullable ? Category.NullableReference : Category.Reference, heap.Code);

    public bool IsReference => Kind != Category.Number;

    public bool IsNullable => Kind == Category.NullableReference;

    /// <summary>True for i32, i64, f32 and f64.</summary>
    public bool IsScalar => Kind == Category.Number && Code is >= 0x7C and <= 0x7F;

    public bool IsInteger => this == I32 || this == I64;

    public bool IsFloat => this == F32 || this == F64;

    /// <summary>True for i8 and i16, which only fields have.</summary>
    public bool IsPacked => Kind == Category.Number && Code is 0x77 or 0x78;

    /// <summary>True where a local of this type needs no initialisation before it is read.</summary>
    public bool IsDefaultable => Kind != Category.Reference;

    /// <summary>What a reference refers to.</summary>
    public HeapType Heap => IsReference ? new HeapType(Code) : throw new InvalidOperationException("a number has no heap type");

    /// <summary>The byte of a number type in the binary format.</summary>
    internal byte NumberCode => (byte)Code;

    /// <summary>One value type as a letter of <see cref="OpcodeTable"/>'s signatures (not 'a').</summary>
    public static ValueType FromLetter(char letter) => letter switch
    {
        'i' => I32, 'I' => I64, 'f' => F32, 'F' => F64, 'v' => V128,
        _ => throw new ArgumentOutOfRangeException(nameof(letter), letter, null),
    };

    /// <summary>The text format's name; a nullable reference to an abstract type by its short form (funcref, anyref, nullref ...).</summary>
    public override string ToString()
    {
        if (Kind == Category.Number)
        {
            return Code switch { 0x7F => "i32", 0x7E => "i64", 0x7D => "f32", 0x7C => "f64", 0x7B => "v128", 0x78 => "i8", 0x77 => "i16", 0 => "bottom", _ => "(invalid)" };
        }

        if (IsNullable && !Heap.IsIndex)
        {
            return Heap.Code switch { -0x0F => "nullref", -0x0E => "nullexternref", -0x0D => "nullfuncref", -0x0C => "nullexnref", _ => Heap + "ref" };
        }

        return IsNullable ? $"(ref null {Heap})" : $"(ref {Heap})";
    }
}
