using System.Collections.Immutable;

namespace Mewe.Grains;

/// <summary>What the optimizing compilers of some engines make of the candidates of a function.</summary>
/// <param name="Engines">One for each engine that shows its code; none where no code is known.</param>
public sealed record CandidateCode(ImmutableArray<EngineCode> Engines)
{
    public static CandidateCode Unknown { get; } = new([]);

    public bool IsKnown => !Engines.IsEmpty;

    /// <summary>Tells of candidates, in an order, which have code of their own: neither the original's nor that of one before them.</summary>
    internal OwnCode InOrder() => new(this);
}

/// <summary>The machine code of a function's candidates on one engine.</summary>
/// <param name="Engine">The engine's name.</param>
/// <param name="Groups">For each candidate the number of its code, 0 being the original's: equal code has equal numbers.</param>
public sealed record EngineCode(string Engine, ImmutableArray<int> Groups);

/// <summary>Goes through candidates and remembers the code of those that were kept.</summary>
internal sealed class OwnCode(CandidateCode code)
{
    private readonly ImmutableArray<HashSet<int>> seen = [.. code.Engines.Select(_ => new HashSet<int> { 0 })];

    /// <summary>Whether the candidate has code of its own on every engine. One that has not is no variant somewhere, and takes nothing from those behind it.</summary>
    public bool TryKeep(int place)
    {
        for (var i = 0; i < seen.Length; i++)
        {
            if (seen[i].Contains(code.Engines[i].Groups[place]))
            {
                return false;
            }
        }

        Keep(place);
        return true;
    }

    /// <summary>The engines on which the candidate has code of its own. It is linked whatever they are, so its code is taken on all of them.</summary>
    public ImmutableArray<string> Keep(int place) => [.. seen.Select((codes, i) => (IsOwn: codes.Add(code.Engines[i].Groups[place]), code.Engines[i].Engine)).Where(entry => entry.IsOwn).Select(entry => entry.Engine)];
}
