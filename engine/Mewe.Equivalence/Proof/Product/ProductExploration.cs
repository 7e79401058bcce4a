using Mewe.Diversify;
using Mewe.Equivalence.Proof.Evaluation;
using Mewe.Equivalence.Proof.Terms;
using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Product;

/// <summary>
/// Walks original and variant together. A node is a pair of positions at which both have stopped: a branch that is not settled, the start of a loop, an event, the end. From a
/// node on, branches fork the path and both sides learn the outcome; events must be the same on both sides; at ends all that can be observed must be equal. Paths that meet at
/// a node are joined (<see cref="Join"/>), until nothing changes any more: then every pair of runs has been compared, of any length. No witness is needed.
/// </summary>
/// <remarks>
/// Why this proves equality: by induction over the steps of the product, every pair of runs from equal inputs follows a path of nodes whose states describe it; events and ends
/// are compared where they occur; <see cref="Progress"/> sees to it that neither side gets ahead for ever. A trap is compared by <see cref="ProductState.Settle"/>: checks are
/// made in the same order of visible states, so the first that fails is seen at the same state.
/// </remarks>
internal sealed class ProductExploration
{
    private const int MostVisits = 40, MostNodes = 20_000, MostPasses = 64;

    private readonly TermGraph graph;
    private readonly ModuleFacts module;
    private readonly StateLayout layout;
    private readonly FlatCode original;
    private readonly FlatCode variant;
    private readonly Evaluator evaluator;
    private readonly Comparison comparison;
    private readonly Dictionary<(int, int), Node> nodes = [];
    private readonly SortedSet<(int Original, int Variant)> waiting = [];
    private readonly Dictionary<VectorKey, ulong> vectors = [];
    private readonly Progress progress = new();
    private readonly Action<string>? trace;
    private long fuel;

    public ProductExploration(TermGraph graph, ModuleFacts module, FlatCode original, FlatCode variant, Comparison comparison, long fuel, Action<string>? trace)
    {
        (this.graph, this.module, this.original, this.variant, this.comparison, this.fuel, this.trace) = (graph, module, original, variant, comparison, fuel, trace);
        layout = new StateLayout(module);
        evaluator = new Evaluator(graph, module, layout);
    }

    private sealed class Node(int number)
    {
        public int Number { get; } = number;

        /// <summary>Symbols of joins have even points, symbols of events odd ones; 0 and 1 are the entry.</summary>
        public int JoinPoint => 2 * Number;

        public int EventPoint => (2 * Number) + 1;

        public SortedDictionary<(int From, int Ordinal), ProductState> Incoming { get; } = [];

        public ProductState? State { get; set; }

        public bool IsCut { get; set; }

        public int Visits { get; set; }
    }

    private readonly record struct VectorKey(int Point, string Ids);

    public int NodeCount => nodes.Count;

    /// <summary>Null where the functions are proved equal, else why not.</summary>
    public Disproof? Explore(FunctionType type)
    {
        var start = Entry(type);
        evaluator.Run(original, start.Original, start.Facts);
        evaluator.Run(variant, start.Variant, start.Facts);
        Arrive(null, 0, start, true, true);
        while (waiting.Count > 0)
        {
            var key = waiting.Min;
            waiting.Remove(key);
            if (Visit(nodes[key]) is { } problem)
            {
                return problem;
            }
        }

        return progress.IsMutual() ? null : new Disproof(DisproofKind.Loops, "one side could loop while the other waits");
    }

    private ProductState Entry(FunctionType type)
    {
        var visible = new Term[layout.Count];
        for (var i = 0; i < visible.Length; i++)
        {
            visible[i] = graph.Symbol(WidthOfSlot(i), SymbolNames.Entry, SymbolNames.Slot(i));
        }

        return new ProductState(EntrySide(original), EntrySide(variant), new Facts(graph));

        Side EntrySide(FlatCode code) => new()
        {
            Position = 0,
            Locals = [.. code.Locals.Select((local, i) => i < type.Parameters.Length ? graph.Symbol(Evaluator.WidthOf(local), SymbolNames.Entry, (ulong)i) : evaluator.Default(local))],
            Stack = [],
            Visible = visible,
            Pending = [],
            Passed = [],
        };
    }

    private int WidthOfSlot(int slot)
    {
        if (slot < layout.GlobalCount)
        {
            return Evaluator.WidthOf(layout.GlobalTypes[slot]);
        }

        return slot < layout.GlobalCount + layout.MemoryCount ? 0 : module.AddressType((uint)(slot - layout.GlobalCount - layout.MemoryCount)) == ValueType.I64 ? 64 : 32;
    }

    /// <summary>
    /// The start of a loop is a place to meet only where both sides are at one: a side alone goes on, which lets a variant whose control is a loop around a switch get to where the
    /// original is.
    /// </summary>
    private void CatchUp(ProductState state, ref bool originalMoved, ref bool variantMoved)
    {
        for (var passes = 0; passes < MostPasses; passes++)
        {
            var left = Evaluator.StopAt(original.Steps[state.Original.Position]) == Halt.Header;
            var right = Evaluator.StopAt(variant.Steps[state.Variant.Position]) == Halt.Header;
            if (left == right)
            {
                return;
            }

            Pass(original, state.Original, left, state.Facts);
            Pass(variant, state.Variant, right, state.Facts);
            originalMoved |= left;
            variantMoved |= right;
        }
    }

    /// <summary>A path has come to a pair of stops.</summary>
    private void Arrive(Node? from, int ordinal, ProductState state, bool originalMoved, bool variantMoved)
    {
        CatchUp(state, ref originalMoved, ref variantMoved);
        state.Settle(Unify);
        for (var i = 0; i < layout.Count; i++)
        {
            if (!ReferenceEquals(state.Original.Visible[i], state.Variant.Visible[i]))
            {
                Unify(state, state.Original.Visible[i], state.Variant.Visible[i]);
            }
        }

        state.Waited = originalMoved == variantMoved ? null : originalMoved ? Turn.Variant : Turn.Original;
        trace?.Invoke($"{from?.State!.Key} to {state.Key}, {state.Original.Pending.Count} and {state.Variant.Pending.Count} checks wait");
        if (!nodes.TryGetValue(state.Key, out var node))
        {
            node = new Node(nodes.Count + 1);
            nodes.Add(state.Key, node);
        }

        if (from is not null)
        {
            var (o, v) = from.State!.Key;
            node.IsCut |= state.Original.Position < o || state.Variant.Position < v || ReferenceEquals(node, from);
            progress.Note(from.Number, node.Number, originalMoved, variantMoved);
        }

        var edge = (from?.Number ?? 0, ordinal);
        if (!node.Incoming.TryGetValue(edge, out var known) || !known.IsSame(state))
        {
            node.Incoming[edge] = state;
            waiting.Add(state.Key);
        }
    }

    private bool Unify(ProductState state, Term left, Term right)
    {
        if (!comparison.AreEqual(left, right, state.Facts))
        {
            trace?.Invoke($"not equal: {left} and {right}");
            return false;
        }

        state.Unify(graph, left, right);
        return true;
    }

    private Disproof? Visit(Node node)
    {
        if (--fuel < 0 || nodes.Count > MostNodes)
        {
            return new Disproof(DisproofKind.Fuel, "the functions are too large for the fuel of a proof");
        }

        var paths = node.Incoming.Values.ToList();
        ProductState state;
        if (paths.Count == 1 && !node.IsCut)
        {
            state = paths[0];
        }
        else if (new Join(graph, node.JoinPoint, node.IsCut, paths, comparison, ids => NameOf(node.JoinPoint, ids)).TryMake() is { } joined)
        {
            state = joined;
        }
        else
        {
            return new Disproof(DisproofKind.Traps, "checks that may trap are made at different places")
            {
                Suspicion = paths.Find(path => path.HasPending) is { } owing ? new Suspicion(owing.Facts, null, null) : null,
            };
        }

        if (node.State is not null && node.State.IsSame(state))
        {
            return null;
        }

        if (++node.Visits > MostVisits)
        {
            return new Disproof(DisproofKind.Invariant, "no loop invariant was found");
        }

        node.State = state;
        return Advance(node, state);
    }

    private ulong NameOf(int point, int[] ids)
    {
        var key = new VectorKey(point, string.Join(',', ids));
        if (!vectors.TryGetValue(key, out var name))
        {
            vectors.Add(key, name = (ulong)vectors.Count);
        }

        return name;
    }

    private Disproof? Advance(Node node, ProductState state)
    {
        var left = Evaluator.StopAt(original.Steps[state.Original.Position])!.Value;
        var right = Evaluator.StopAt(variant.Steps[state.Variant.Position])!.Value;
        switch (Next(left, right, state.Waited))
        {
            case (Halt.Header, var passing):
                var next = state.Clone();
                var (originalPasses, variantPasses) = (left == Halt.Header && passing != Turn.Variant, right == Halt.Header && passing != Turn.Original);
                Pass(original, next.Original, originalPasses, next.Facts);
                Pass(variant, next.Variant, variantPasses, next.Facts);
                Arrive(node, 0, next, originalPasses, variantPasses);
                return null;
            case (Halt.Branch, var forking):
                Fork(node, state, onOriginal: forking == Turn.Original);
                return null;
        }

        if (left != right)
        {
            return new Disproof(DisproofKind.Different, $"one side comes to {Describe(original, state.Original)}, the other to {Describe(variant, state.Variant)}")
            {
                Suspicion = new Suspicion(state.Facts, null, null),
            };
        }

        return left == Halt.Event ? Match(node, state) : End(state, left);
    }

    /// <summary>
    /// Who moves, and how; null where both sides are at events or ends. A side that has waited goes first, so that neither gets far ahead; two starts of loops are passed together.
    /// </summary>
    private static (Halt Halt, Turn? Turn)? Next(Halt left, Halt right, Turn? waited)
    {
        var (leftMoves, rightMoves) = (left is Halt.Header or Halt.Branch, right is Halt.Header or Halt.Branch);
        if (!leftMoves || !rightMoves)
        {
            return leftMoves ? (left, Turn.Original) : rightMoves ? (right, Turn.Variant) : null;
        }

        return waited switch
        {
            Turn.Original => (left, Turn.Original),
            Turn.Variant => (right, Turn.Variant),
            _ when left == Halt.Header && right == Halt.Header => (Halt.Header, null),
            _ when left == Halt.Header => (Halt.Header, Turn.Original),
            _ when right == Halt.Header => (Halt.Header, Turn.Variant),
            _ => (Halt.Branch, Turn.Original),
        };
    }

    private static string Describe(FlatCode code, Side side) => code.Steps[side.Position] is var step && step.Kind == StepKind.Return ? "its end" : step.Instruction.ToString();

    private void Pass(FlatCode code, Side side, bool passes, Facts facts)
    {
        if (passes)
        {
            side.Position++;
            evaluator.Run(code, side, facts);
        }
    }

    /// <summary>Each outcome of a branch of one side is a path of its own, on which the other side may be able to go on, too.</summary>
    private void Fork(Node node, ProductState state, bool onOriginal)
    {
        var (code, other) = onOriginal ? (original, variant) : (variant, original);
        var side = onOriginal ? state.Original : state.Variant;
        var step = code.Steps[side.Position];
        if (step.Kind == StepKind.Table)
        {
            var index = side.Stack[^1];
            foreach (var (low, high, target) in evaluator.TableRuns(code, side, state.Facts))
            {
                Go((int)Math.Min(low, int.MaxValue), next => next.Restrict(graph, index, low, high), moving => moving.Goto(step.Targets[target]));
            }

            return;
        }

        var condition = evaluator.Tested(code, side);
        trace?.Invoke($"{state.Key}: {(onOriginal ? "original" : "variant")} forks on {condition}");
        var decided = comparison.Decide(condition, state.Facts);
        if (decided != false)
        {
            Go(0, next => next.Assume(graph, condition, true), moving => Evaluator.Take(moving, step, true));
        }

        if (decided != true)
        {
            Go(1, next => next.Assume(graph, condition, false), moving => Evaluator.Take(moving, step, false));
        }

        void Go(int ordinal, Func<ProductState, bool> assume, Action<Side> take)
        {
            var next = state.Clone();
            if (!assume(next))
            {
                return;
            }

            var (moving, waitingSide) = onOriginal ? (next.Original, next.Variant) : (next.Variant, next.Original);
            moving.Pop();
            take(moving);
            evaluator.Run(code, moving, next.Facts);
            var before = waitingSide.Position;
            if (Evaluator.StopAt(other.Steps[before]) == Halt.Branch)
            {
                evaluator.Run(other, waitingSide, next.Facts);
            }

            var otherMoved = waitingSide.Position != before;
            Arrive(node, ordinal, next, onOriginal || otherMoved, !onOriginal || otherMoved);
        }
    }

    /// <summary>Both sides are at an event: it must be the same one, on the same operands, with the same state around it. Its results are the same then.</summary>
    private Disproof? Match(Node node, ProductState state)
    {
        var (left, right) = (original.Steps[state.Original.Position].Instruction, variant.Steps[state.Variant.Position].Instruction);
        if (left != right && !IsSame(left, right))
        {
            return new Disproof(DisproofKind.Different, $"one side comes to {left}, the other to {right}") { Suspicion = new Suspicion(state.Facts, null, null) };
        }

        var next = state.Clone();
        var (operands, _) = StackEffect.Of(module, left);
        var (mine, theirs) = (next.Original.PopMany(operands), next.Variant.PopMany(operands));
        for (var i = 0; i < operands; i++)
        {
            if (!comparison.AreEqual(mine[i], theirs[i], state.Facts))
            {
                return Comparison.Unequal($"operand {i} of {left}", mine[i], theirs[i], state.Facts);
            }
        }

        if (Observe(next, left.ToString()) is { } problem)
        {
            return problem;
        }

        if (left.Opcode is Opcode.ReturnCall or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef)
        {
            return null;
        }

        var stale = new Staleness(node.EventPoint);
        if (next.Values().Any(stale.IsIn))
        {
            return new Disproof(DisproofKind.Loops, "values of two visits of an event live side by side");
        }

        foreach (var side in new[] { next.Original, next.Variant })
        {
            foreach (var key in side.Passed.Keys.Where(stale.IsIn).ToList())
            {
                side.Passed.Remove(key);
            }
        }

        var kept = Facts.Meet(graph, [next.Facts], stale.IsIn);
        Happen(next, node.EventPoint, left);
        var after = new ProductState(next.Original, next.Variant, kept);
        after.Original.Position++;
        after.Variant.Position++;
        evaluator.Run(original, after.Original, after.Facts);
        evaluator.Run(variant, after.Variant, after.Facts);
        Arrive(node, 0, after, true, true);
        return null;
    }

    private static bool IsSame(Instruction left, Instruction right) => left.Opcode == right.Opcode && left.Index == right.Index && left.Index2 == right.Index2
        && left.Bits == right.Bits && left.LaneIndex == right.LaneIndex && Equals(left.Payload, right.Payload);

    /// <summary>The results of an event and the state behind it, the same symbols on both sides.</summary>
    private void Happen(ProductState state, int point, Instruction instruction)
    {
        var results = EventResults.Of(module, instruction);
        for (var i = 0; i < results.Length; i++)
        {
            var result = graph.Symbol(Evaluator.WidthOf(results[i]), point, (ulong)i);
            state.Original.Push(result);
            state.Variant.Push(result);
        }

        foreach (var slot in EventResults.ChangedSlots(layout, instruction))
        {
            var symbol = graph.Symbol(WidthOfSlot(slot), point, SymbolNames.Slot(slot));
            state.Original.SetVisible(slot, symbol);
            state.Variant.SetVisible(slot, symbol);
        }
    }

    private static string Owed(Side other) =>
        other.Pending.Count == 0 ? "nothing" : string.Join(" then ", other.Pending.Select(group => string.Join(", ", group.Checks.Select(check => $"{check.Key} to {check.Value}"))));

    /// <summary>Others look: no check may be owed by either side, and all that is visible must be equal.</summary>
    private Disproof? Observe(ProductState state, string where)
    {
        if (state.HasPending)
        {
            trace?.Invoke($"the original owes {Owed(state.Variant)}, the variant {Owed(state.Original)}");
            var failing = state.Original.Pending.Concat(state.Variant.Pending).SelectMany(group => group.Checks.Keys).FirstOrDefault(check => check.Code != ProofOperation.Bounds);
            return new Disproof(DisproofKind.Traps, $"at {where} one side has made a check that may trap and that the other has not")
            {
                Suspicion = new Suspicion(state.Facts, failing, failing is null ? null : graph.False),
            };
        }

        for (var i = 0; i < layout.Count; i++)
        {
            if (!comparison.AreEqual(state.Original.Visible[i], state.Variant.Visible[i], state.Facts))
            {
                return Comparison.Unequal(i < layout.GlobalCount ? $"a global at {where}" : $"the memory at {where}", state.Original.Visible[i], state.Variant.Visible[i], state.Facts);
            }
        }

        return null;
    }

    private Disproof? End(ProductState state, Halt stop)
    {
        if (Observe(state, stop == Halt.Trap ? "a trap" : "the end") is { } problem)
        {
            return problem;
        }

        if (stop == Halt.Return)
        {
            for (var i = 0; i < original.ResultCount; i++)
            {
                var (left, right) = (state.Original.Stack[^(original.ResultCount - i)], state.Variant.Stack[^(original.ResultCount - i)]);
                if (!comparison.AreEqual(left, right, state.Facts))
                {
                    return Comparison.Unequal($"result {i}", left, right, state.Facts);
                }
            }
        }

        return null;
    }
}
