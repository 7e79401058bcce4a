using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>
/// An e-graph (Willsey et al., "egg: Fast and Extensible Equality Saturation", POPL 2021): classes of equal terms, hash-consed nodes, a union-find, and congruence that is restored by
/// <see cref="Rebuild"/> after a batch of unions. Nodes keep the operands that they were made with, so that a node's id stands for one concrete term, and a proof forest over the ids
/// (Nieuwenhuis and Oliveras 2005) says why two of them are equal. Everything is arrays of a fixed capacity in order of creation: nothing depends on the order of a hash table.
/// </summary>
internal sealed class EGraph
{
    public const int None = -1;

    /// <summary>The justification of a union by congruence.</summary>
    public const int Congruence = -1;

    private Node[] nodes = [];
    private ClassData[] classes = [];
    private (int Node, int Next)[] parents = [];
    private (int Parent, int Reason)[] proofs = [];

    /// <summary>Hash table of node ids, -1 where empty, probed linearly. A node whose key changes is entered again; its old place then holds a node whose key is another, which does no harm.</summary>
    private int[] table = [];
    private readonly List<int> pending = [];
    private int parentCount, entered;

    /// <summary>Empties the graph, keeping its arrays: making graphs is what costs here.</summary>
    /// <param name="capacity">Most nodes; what does not fit is not added.</param>
    public void Reset(int capacity)
    {
        if (nodes.Length < capacity)
        {
            nodes = new Node[capacity];
            classes = new ClassData[capacity];
            parents = new (int, int)[3 * capacity];
            proofs = new (int, int)[capacity];
            table = new int[4 * (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)capacity)];
        }

        (Capacity, Count, parentCount, IsContradictory) = (capacity, 0, 0, false);
        pending.Clear();
        ClearTable();
    }

    /// <summary>A node as it was made: an instruction, its immediate (a constant's bits, a variable's number), and the ids of its operands.</summary>
    internal struct Node
    {
        public Opcode Opcode;
        public ulong Bits;
        public int A, B, C;

        /// <summary>Next node of the class.</summary>
        public int Next;

        /// <summary>True once another node of the class is congruent; that one stands for both.</summary>
        public bool Dead;

        /// <summary>The classes of the operands when the node was last entered in the hash table.</summary>
        public int KeyA, KeyB, KeyC;

        public readonly int Operand(int index) => index switch { 0 => A, 1 => B, _ => C };

        public readonly int OperandCount => A < 0 ? 0 : B < 0 ? 1 : C < 0 ? 2 : 3;
    }

    private struct ClassData
    {
        public int Leader, Size, First, Last, FirstParent, LastParent, Constant;
        public TermType Type;

        /// <summary>Which opcodes the class's nodes have, as <see cref="BitOf"/>.</summary>
        public ulong Opcodes;
    }

    /// <summary>Nodes made so far; ids are 0 to this.</summary>
    public int Count { get; private set; }

    public int Capacity { get; private set; }

    public ref readonly Node this[int id] => ref nodes[id];

    /// <summary>True once two different constants were found equal: some rule is wrong, and nothing here may be used.</summary>
    public bool IsContradictory { get; private set; }

    /// <summary>The id that stands for a node's class.</summary>
    public int Find(int id)
    {
        while (classes[id].Leader != id)
        {
            classes[id].Leader = classes[classes[id].Leader].Leader;
            id = classes[id].Leader;
        }

        return id;
    }

    public TermType TypeOf(int id) => classes[Find(id)].Type;

    /// <summary>A bit for an opcode; different opcodes may share one.</summary>
    public static ulong BitOf(Opcode opcode) => 1UL << (int)(((uint)opcode * 0x9E37_79B1u) >> 26);

    /// <summary>False where no node of a class has an opcode with one of the bits.</summary>
    public bool MayHave(int id, ulong bits) => (classes[Find(id)].Opcodes & bits) != 0;

    /// <summary>The node of a class that is a constant, or <see cref="None"/>.</summary>
    public int ConstantOf(int id) => classes[Find(id)].Constant;

    /// <summary>First node of a class; the others follow by <see cref="Node.Next"/>.</summary>
    public int FirstOf(int id) => classes[Find(id)].First;

    public int Variable(int number, TermType type) => Add(Opcode.LocalGet, (ulong)number, None, None, None, type);

    public int Constant(Opcode opcode, ulong bits) => Add(opcode, bits, None, None, None, opcode switch
    {
        Opcode.I32Const => TermType.I32,
        Opcode.I64Const => TermType.I64,
        Opcode.F32Const => TermType.F32,
        _ => TermType.F64,
    });

    /// <summary>The node of an instruction applied to nodes, old or new; <see cref="None"/> where there is no room, or a division whose divisor is not a harmless constant.</summary>
    public int Operation(Opcode opcode, int a, int b = None, int c = None)
    {
        if (a < 0 || (ExpressionWindow.IsDivision(opcode) && (ConstantOf(b) is var divisor && (divisor < 0 || !ExpressionWindow.IsHarmlessDivisor(opcode, nodes[divisor].Opcode, nodes[divisor].Bits)))))
        {
            return None;
        }

        return Add(opcode, 0, a, b, c, opcode == Opcode.Select ? TypeOf(a) : TermTypes.OfResult(opcode));
    }

    private int Add(Opcode opcode, ulong bits, int a, int b, int c, TermType type)
    {
        var (keyA, keyB, keyC) = (a < 0 ? None : Find(a), b < 0 ? None : Find(b), c < 0 ? None : Find(c));
        var slot = SlotOf(opcode, bits, keyA, keyB, keyC);
        if (table[slot] >= 0)
        {
            return table[slot];
        }

        if (Count == Capacity)
        {
            return None;
        }

        var id = Count++;
        nodes[id] = new Node { Opcode = opcode, Bits = bits, A = a, B = b, C = c, Next = None, KeyA = keyA, KeyB = keyB, KeyC = keyC };
        var constant = opcode is Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const ? id : None;
        classes[id] = new ClassData { Leader = id, Size = 1, First = id, Last = id, FirstParent = None, LastParent = None, Constant = constant, Type = type, Opcodes = BitOf(opcode) };
        proofs[id] = (None, Congruence);
        Enter(slot, id);
        AddParent(a, id);
        AddParent(b, id);
        AddParent(c, id);
        return id;
    }

    /// <summary>Where a key stands in the hash table, or else the empty place where it belongs.</summary>
    private int SlotOf(Opcode opcode, ulong bits, int a, int b, int c)
    {
        var hash = (bits ^ ((ulong)opcode << 48)) * 0x9E37_79B9_7F4A_7C15;
        hash = (hash ^ (hash >> 29) ^ ((ulong)(uint)a << 40) ^ ((ulong)(uint)b << 20) ^ (uint)c) * 0xBF58_476D_1CE4_E5B9;
        for (var slot = (int)(hash >> 33) & (table.Length - 1); ; slot = (slot + 1) & (table.Length - 1))
        {
            if (table[slot] < 0)
            {
                return slot;
            }

            ref readonly var node = ref nodes[table[slot]];
            if (node.Opcode == opcode && node.Bits == bits && node.KeyA == a && node.KeyB == b && node.KeyC == c && !node.Dead)
            {
                return slot;
            }
        }
    }

    private void Enter(int slot, int id)
    {
        table[slot] = id;
        if (++entered > table.Length - (table.Length / 4))
        {
            ClearTable();
            for (var k = 0; k < Count; k++)
            {
                ref readonly var node = ref nodes[k];
                if (!node.Dead)
                {
                    table[SlotOf(node.Opcode, node.Bits, node.KeyA, node.KeyB, node.KeyC)] = k;
                    entered++;
                }
            }
        }
    }

    private void ClearTable()
    {
        Array.Fill(table, None);
        entered = 0;
    }

    private void AddParent(int operand, int parent)
    {
        if (operand < 0)
        {
            return;
        }

        ref var group = ref classes[Find(operand)];
        parents[parentCount] = (parent, None);
        if (group.LastParent < 0)
        {
            group.FirstParent = parentCount;
        }
        else
        {
            parents[group.LastParent].Next = parentCount;
        }

        group.LastParent = parentCount++;
    }

    /// <summary>Makes two nodes equal; false where they were. Congruence is restored by <see cref="Rebuild"/>.</summary>
    /// <param name="reason">Number of the rule application, or <see cref="Congruence"/>.</param>
    public bool Union(int a, int b, int reason)
    {
        var (into, from) = (Find(a), Find(b));
        if (into == from)
        {
            return false;
        }

        Link(a, b, reason);
        if (classes[into].Size < classes[from].Size || (classes[into].Size == classes[from].Size && from < into))
        {
            (into, from) = (from, into);
        }

        ref var target = ref classes[into];
        ref var source = ref classes[from];
        source.Leader = into;
        target.Size += source.Size;
        target.Opcodes |= source.Opcodes;
        nodes[target.Last].Next = source.First;
        target.Last = source.Last;
        if (source.FirstParent >= 0)
        {
            if (target.LastParent < 0)
            {
                target.FirstParent = source.FirstParent;
            }
            else
            {
                parents[target.LastParent].Next = source.FirstParent;
            }

            target.LastParent = source.LastParent;
        }

        if (target.Constant < 0)
        {
            target.Constant = source.Constant;
        }
        else if (source.Constant >= 0 && (nodes[source.Constant].Bits != nodes[target.Constant].Bits || nodes[source.Constant].Opcode != nodes[target.Constant].Opcode))
        {
            IsContradictory = true;
        }

        pending.Add(into);
        return true;
    }

    /// <summary>Restores congruence: nodes with the same instruction and equal operands become equal.</summary>
    public void Rebuild()
    {
        for (var k = 0; k < pending.Count; k++)
        {
            for (var at = classes[Find(pending[k])].FirstParent; at >= 0; at = parents[at].Next)
            {
                var id = parents[at].Node;
                ref var node = ref nodes[id];
                if (node.Dead)
                {
                    continue;
                }

                var (keyA, keyB, keyC) = (Find(node.A), node.B < 0 ? None : Find(node.B), node.C < 0 ? None : Find(node.C));
                if (keyA == node.KeyA && keyB == node.KeyB && keyC == node.KeyC)
                {
                    continue;
                }

                (node.KeyA, node.KeyB, node.KeyC) = (None, None, None);
                var slot = SlotOf(node.Opcode, node.Bits, keyA, keyB, keyC);
                (node.KeyA, node.KeyB, node.KeyC) = (keyA, keyB, keyC);
                if (table[slot] < 0)
                {
                    Enter(slot, id);
                }
                else if (table[slot] != id)
                {
                    node.Dead = true;
                    Union(table[slot], id, Congruence);
                }
            }
        }

        pending.Clear();
    }

    /// <summary>Hangs the tree of <paramref name="a"/> in the proof forest under <paramref name="b"/>, turned so that a is its root.</summary>
    private void Link(int a, int b, int reason)
    {
        var (child, parent, why) = (a, b, reason);
        while (child >= 0)
        {
            var (next, nextWhy) = proofs[child];
            proofs[child] = (parent, why);
            (parent, child, why) = (child, next, nextWhy);
        }
    }

    /// <summary>The next node on the way to the root of the proof forest, and why it is equal; <see cref="None"/> at the root.</summary>
    public (int Parent, int Reason) ProofOf(int id) => proofs[id];
}
