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

    private readonly Node[] nodes;
    private readonly ClassData[] classes;
    private readonly (int Node, int Next)[] parents;
    private readonly Dictionary<NodeKey, int> known;
    private readonly List<int> pending = [];
    private readonly int[] proofParent;
    private readonly int[] proofReason;
    private int parentCount;

    /// <param name="capacity">Most nodes; what does not fit is not added.</param>
    public EGraph(int capacity)
    {
        nodes = new Node[capacity];
        classes = new ClassData[capacity];
        parents = new (int, int)[3 * capacity];
        known = new Dictionary<NodeKey, int>(capacity);
        proofParent = new int[capacity];
        proofReason = new int[capacity];
    }

    /// <summary>A node as it was made: an instruction, its immediate (a constant's bits, a variable's number), and the ids of its operands.</summary>
    internal struct Node
    {
        public Opcode Opcode;
        public ulong Bits;
        public int A, B, C;

        /// <summary>Next node of the class.</summary>
        public int Next;

        /// <summary>True once an older node of the class is congruent.</summary>
        public bool Dead;

        public NodeKey Key;

        public readonly int Operand(int index) => index switch { 0 => A, 1 => B, _ => C };

        public readonly int OperandCount => A < 0 ? 0 : B < 0 ? 1 : C < 0 ? 2 : 3;
    }

    private struct ClassData
    {
        public int Leader, Size, First, Last, FirstParent, LastParent, Constant;
        public ValueType Type;
    }

    internal readonly record struct NodeKey(Opcode Opcode, ulong Bits, int A, int B, int C)
    {
        public override int GetHashCode()
        {
            var hash = (Bits ^ ((ulong)Opcode << 48)) * 0x9E37_79B9_7F4A_7C15;
            hash = (hash ^ (hash >> 29) ^ ((ulong)(uint)A << 40) ^ ((ulong)(uint)B << 20) ^ (uint)C) * 0xBF58_476D_1CE4_E5B9;
            return (int)(hash >> 32);
        }
    }

    /// <summary>Nodes made so far; ids are 0 to this.</summary>
    public int Count { get; private set; }

    public int Capacity => nodes.Length;

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

    public ValueType TypeOf(int id) => classes[Find(id)].Type;

    /// <summary>The node of a class that is a constant, or <see cref="None"/>.</summary>
    public int ConstantOf(int id) => classes[Find(id)].Constant;

    /// <summary>First node of a class; the others follow by <see cref="Node.Next"/>.</summary>
    public int FirstOf(int id) => classes[Find(id)].First;

    public int Variable(int number, ValueType type) => Add(Opcode.LocalGet, (ulong)number, None, None, None, type);

    public int Constant(Opcode opcode, ulong bits) => Add(opcode, bits, None, None, None, opcode switch
    {
        Opcode.I32Const => ValueType.I32,
        Opcode.I64Const => ValueType.I64,
        Opcode.F32Const => ValueType.F32,
        _ => ValueType.F64,
    });

    /// <summary>The node of an instruction applied to nodes, old or new; <see cref="None"/> where there is no room, or a division whose divisor is not a harmless constant.</summary>
    public int Operation(Opcode opcode, int a, int b = None, int c = None)
    {
        if (a < 0 || (ExpressionWindow.IsDivision(opcode) && (ConstantOf(b) is var divisor && (divisor < 0 || !ExpressionWindow.IsHarmlessDivisor(opcode, nodes[divisor].Opcode, nodes[divisor].Bits)))))
        {
            return None;
        }

        return Add(opcode, 0, a, b, c, opcode == Opcode.Select ? TypeOf(a) : ValueType.FromLetter(OpcodeShapes.ResultLetter[(int)opcode]));
    }

    private int Add(Opcode opcode, ulong bits, int a, int b, int c, ValueType type)
    {
        var key = KeyOf(opcode, bits, a, b, c);
        if (known.TryGetValue(key, out var id))
        {
            return id;
        }

        if (Count == nodes.Length)
        {
            return None;
        }

        id = Count++;
        nodes[id] = new Node { Opcode = opcode, Bits = bits, A = a, B = b, C = c, Next = None, Key = key };
        var constant = opcode is Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const ? id : None;
        classes[id] = new ClassData { Leader = id, Size = 1, First = id, Last = id, FirstParent = None, LastParent = None, Constant = constant, Type = type };
        (proofParent[id], proofReason[id]) = (None, Congruence);
        known.Add(key, id);
        AddParent(a, id);
        AddParent(b, id);
        AddParent(c, id);
        return id;
    }

    private NodeKey KeyOf(Opcode opcode, ulong bits, int a, int b, int c) =>
        new(opcode, bits, a < 0 ? None : Find(a), b < 0 ? None : Find(b), c < 0 ? None : Find(c));

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

                var key = KeyOf(node.Opcode, node.Bits, node.A, node.B, node.C);
                if (key == node.Key)
                {
                    continue;
                }

                known.Remove(node.Key);
                node.Key = key;
                if (!known.TryAdd(key, id))
                {
                    node.Dead = true;
                    Union(known[key], id, Congruence);
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
            var (next, nextWhy) = (proofParent[child], proofReason[child]);
            (proofParent[child], proofReason[child]) = (parent, why);
            (parent, child, why) = (child, next, nextWhy);
        }
    }

    /// <summary>The next node on the way to the root of the proof forest, and why it is equal; <see cref="None"/> at the root.</summary>
    public (int Parent, int Reason) ProofOf(int id) => (proofParent[id], proofReason[id]);
}
