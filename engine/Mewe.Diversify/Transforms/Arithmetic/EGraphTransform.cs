using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>
/// Replaces the top of an expression by an equal term drawn from an e-graph: compositions of rules in both directions that no single rule and no random walk of a few steps gives. Each
/// application of a rule is right by the rule; the graph only composes. Graphs are pure functions of the expression's shape, so they are kept and shared; which of a few
/// graphs of a shape is used, and which term is drawn, is decided by the context's stream and by what earlier candidates of the function used.
/// </summary>
public sealed class EGraphTransform : ISiteTransform
{
    /// <summary>Different graphs per shape: each is another fair sample of the rules' matches.</summary>
    private const int Samples = 2;

    /// <summary>Shapes that are kept; more are built and dropped.</summary>
    private const int MaxKept = 4_096;

    private const int Draws = 3;
    private static readonly int[] Slacks = [12, 24, 40, 64];
    private readonly RewriteSet rewrites;
    private readonly SaturationLimits limits;
    private readonly ConcurrentDictionary<Shape, TermGraph?> kept = new();

    /// <summary>Buffers to build graphs in, as many as there are threads that build at once.</summary>
    private readonly ConcurrentBag<Saturation> idle = [];
    private int keptCount;

    public EGraphTransform(RewriteSet rewrites, SaturationLimits? limits = null) => (this.rewrites, this.limits) = (rewrites, limits ?? new SaturationLimits());

    public string Name => "egraph";

    public int MaxEdits => 4;

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (rewrites.Roots[(int)view[i].Opcode] && view.IsReachable(i))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var window = new ExpressionWindow();
        if (!window.TryRead(view, site.At, rewrites.Roots))
        {
            return null;
        }

        var random = context.Random;
        if (GraphOf(window, view.Module, random.Below(Samples)) is not { HasAlternatives: true } graph)
        {
            return null;
        }

        var chosen = new List<int>(32);
        for (var k = 0; k < Draws; k++)
        {
            if (graph.Draw(random, context.TermUsage, graph.SourceCost + random.Pick(Slacks), chosen) is { } term
                && TermEmitter.Emit(view, window.Region, term, context) is { } edit)
            {
                foreach (var rule in graph.RulesOf(chosen))
                {
                    context.NoteRule(rule);
                }

                return edit;
            }
        }

        return null;
    }

    private TermGraph? GraphOf(ExpressionWindow window, ModuleFacts module, int sample)
    {
        var shape = new Shape(Words(window, module, sample));
        if (kept.TryGetValue(shape, out var graph))
        {
            return graph;
        }

        var hash = SHA256.HashData(MemoryMarshal.AsBytes<ulong>(shape.Words));
        if (!idle.TryTake(out var saturation))
        {
            saturation = new Saturation(rewrites, limits);
        }

        graph = TermGraph.Build(window.Nodes, saturation, module.Uses, new SeededRandom(hash), BinaryPrimitives.ReadUInt128LittleEndian(hash));
        idle.Add(saturation);
        if (Volatile.Read(ref keptCount) < MaxKept && kept.TryAdd(shape, graph))
        {
            Interlocked.Increment(ref keptCount);
        }

        return graph;
    }

    /// <summary>All that a graph depends on beside the rules: the sample, the features that matter, and the nodes.</summary>
    private ulong[] Words(ExpressionWindow window, ModuleFacts module, int sample)
    {
        var words = new ulong[1 + (2 * window.Nodes.Count)];
        var features = 0UL;
        foreach (var feature in rewrites.Features)
        {
            features = (features << 1) | (module.Uses(feature) ? 1UL : 0);
        }

        words[0] = (features << 8) | (uint)sample;
        for (var i = 0; i < window.Nodes.Count; i++)
        {
            var node = window.Nodes[i];
            words[(2 * i) + 1] = node.Bits;
            words[(2 * i) + 2] = ((ulong)node.Opcode << 40) | ((ulong)TypeNumber(node.Type) << 36)
                | ((ulong)(uint)(node.A + 1) << 24) | ((ulong)(uint)(node.B + 1) << 12) | (uint)(node.C + 1);
        }

        return words;
    }

    private static int TypeNumber(ValueType type) =>
        type == ValueType.I32 ? 1 : type == ValueType.I64 ? 2 : type == ValueType.F32 ? 3 : type == ValueType.F64 ? 4 : 5;

    private readonly struct Shape(ulong[] words) : IEquatable<Shape>
    {
        public ulong[] Words { get; } = words;

        public bool Equals(Shape other) => Words.AsSpan().SequenceEqual(other.Words);

        public override bool Equals(object? other) => other is Shape shape && Equals(shape);

        public override int GetHashCode()
        {
            var hash = 0UL;
            foreach (var word in Words)
            {
                hash = (hash ^ word) * 0x9E37_79B9_7F4A_7C15;
                hash ^= hash >> 32;
            }

            return (int)hash;
        }
    }
}
