namespace Mewe.Equivalence.Proof.Terms;

/// <summary>What a <see cref="Term"/> is made of.</summary>
internal enum TermKind : byte
{
    /// <summary>A bit-vector constant; the value is <see cref="Term.Value"/>.</summary>
    Constant,

    /// <summary>
    /// An unknown: a parameter, the state at entry, the result of a call, a value at a join. <see cref="Term.Code"/> is the program point that defines it.
    /// </summary>
    Symbol,

    /// <summary>An instruction that is not reasoned about, applied to its operands. <see cref="Term.Code"/> is its opcode, <see cref="Term.Value"/> its immediate.</summary>
    Operation,

    /// <summary>Children: condition (width 1), then, else.</summary>
    Choice,

    /// <summary>
    /// A polynomial modulo 2^w. Numbers: the constant, then a coefficient and a degree for each monomial; children: the factors of all monomials.
    /// A factor is a <see cref="Bits"/> term or any term that is not itself a sum, a constant or <see cref="Bits"/>.
    /// </summary>
    Sum,

    /// <summary>
    /// The conjunction of the bits of some terms, weighed: the sum over the bits j of the mask <see cref="Term.Value"/> of 2^(j + e), where bit j + s_k of every child k is 1.
    /// Numbers: the shifts s_k, the first of them zero; <see cref="Term.Code"/>: e.
    /// </summary>
    Bits,

    /// <summary>
    /// The exclusive or of conjunctions of bits (algebraic normal form) of too many terms to be written as a <see cref="Sum"/>; <see cref="Term.Form"/> has it.
    /// </summary>
    Parity,

    /// <summary>Of width 1: the child, a sum modulo 2^w, is zero.</summary>
    IsZero,

    /// <summary>Of width 1: the first child is less than the second, unsigned.</summary>
    Below,

    /// <summary>
    /// Bytes of memory, little end first. Children: memory, root of the address; <see cref="Term.Value"/>: what is added to the root. The width is eight times the bytes.
    /// </summary>
    Load,

    /// <summary>A memory after a write. Children: memory, root of the address, value; <see cref="Term.Value"/>: what is added to the root.</summary>
    Store,
}

/// <summary>
/// A node of the shared graph of values (Tristan, Govereau, Morrisett, PLDI 2011). Made by a <see cref="TermGraph"/> only, which makes every structure once: two terms of a
/// graph are the same value for certain when they are the same object.
/// </summary>
internal sealed class Term
{
    internal Term(int id, TermKind kind, int width, int code, ulong value, Term[] children, ulong[] numbers, int hash)
    {
        (Id, Kind, Width, Code, Value, Children, Numbers, Hash) = (id, kind, width, code, value, children, numbers, hash);
        foreach (var child in children)
        {
            Points |= child.Points;
            Size = Math.Min(Size + child.Size, 1 << 28);
            HasCondition |= child.HasCondition;
        }

        Points |= kind == TermKind.Symbol ? 1UL << (code & 63) : 0;
        HasCondition |= width == 1 && kind != TermKind.Constant;
    }

    /// <summary>Position in the order of making, which is the order of sums and conjunctions.</summary>
    public int Id { get; }

    public TermKind Kind { get; }

    /// <summary>Bits: 1 to 64 or 128; zero for memories, references and other state.</summary>
    public int Width { get; }

    public int Code { get; }

    public ulong Value { get; }

    public Term[] Children { get; }

    public ulong[] Numbers { get; }

    internal int Hash { get; }

    /// <summary>A Bloom filter of the program points that define the symbols in the term.</summary>
    public ulong Points { get; }

    /// <summary>True where a term of width 1 occurs: only then can a fact change the term.</summary>
    public bool HasCondition { get; }

    /// <summary>Nodes of the term written as a tree, or 2^28.</summary>
    public int Size { get; } = 1;

    /// <summary>The algebraic normal form of the bits; null until asked for, and for terms whose bits depend on each other.</summary>
    internal BitForm? Form { get; set; }

    internal bool FormIsKnown { get; set; }

    public bool IsConstant => Kind == TermKind.Constant;

    public bool IsZero => Kind == TermKind.Constant && Value == 0;

    /// <summary>True for a term that is no combination of others that the normal form knows.</summary>
    public bool IsAtom => Kind is not (TermKind.Constant or TermKind.Sum or TermKind.Bits or TermKind.Parity);

    /// <summary>All bits of the width; only for widths up to 64.</summary>
    public ulong Mask => MaskOf(Width);

    public static ulong MaskOf(int width) => width >= 64 ? ulong.MaxValue : (1UL << width) - 1;

    public override string ToString() => TermText.Of(this);
}
