using System.Collections.Immutable;
using Mewe.Diversify.Rules;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>Rules compiled for equality saturation, by the instruction at the root of the side that is matched. Immutable.</summary>
public sealed class RewriteSet
{
    private readonly Rewrite[][] byRoot = new Rewrite[OpcodeTable.Size][];
    private readonly bool[] known = new bool[OpcodeTable.Size];

    /// <param name="files">Rules with the name of their file, in a stable order: it is part of what determines the graphs.</param>
    public RewriteSet(IEnumerable<(string File, ImmutableArray<Rule> Rules)> files)
        : this([.. files.SelectMany(file => file.Rules.SelectMany(rule => Rewrite.Both(file.File, rule))).DistinctBy(rewrite => rewrite.Text)])
    {
    }

    private RewriteSet(ImmutableArray<Rewrite> rewrites)
    {
        All = rewrites;
        Array.Fill(byRoot, []);
        foreach (var group in All.GroupBy(rewrite => rewrite.Left.Opcode))
        {
            byRoot[(int)group.Key] = [.. group];
            known[(int)group.Key] = true;
        }

        Features = [.. All.Select(rewrite => rewrite.Feature).Where(feature => feature != Feature.Mvp).Distinct().Order()];
    }

    /// <summary>Rules in one direction each.</summary>
    public int Count => All.Length;

    /// <summary>The rules of an explanation alone, in both directions, to check it.</summary>
    /// <param name="names">As in <see cref="AppliedTransform.Rules"/>.</param>
    public RewriteSet Only(IEnumerable<string> names)
    {
        var wanted = names.ToHashSet(StringComparer.Ordinal);
        return new RewriteSet([.. All.Where(rewrite => wanted.Contains(rewrite.Name))]);
    }

    internal ImmutableArray<Rewrite> All { get; }

    /// <summary>Features that some replacement needs and not every module has.</summary>
    internal ImmutableArray<Feature> Features { get; }

    /// <summary>Opcodes that some rule can begin at.</summary>
    internal ReadOnlySpan<bool> Roots => known;

    internal ReadOnlySpan<Rewrite> StartingWith(Opcode opcode) => byRoot[(int)opcode];
}
