using System.Collections.Immutable;
using Mewe.Execution;

namespace Mewe.Linking.Preservation;

/// <summary>
/// Which variants of a multivariant module are variants in machine code, too: a variant that the engine's optimizing compiler folds back into
/// its original or into a sibling is none. It has code of its own when no earlier choice of its function (the original is the first) has the same.
/// </summary>
/// <param name="Functions">The functions with a dispatcher.</param>
/// <param name="Transforms">By name.</param>
public sealed record PreservationReport(ImmutableArray<FunctionPreservation> Functions, ImmutableArray<TransformPreservation> Transforms)
{
    /// <summary>Linked variants, originals not counted.</summary>
    public int Variants => Functions.Sum(function => function.Variants);

    /// <summary>Those with code of their own.</summary>
    public int Own => Functions.Sum(function => function.Own);

    /// <summary>The part of the variants that has code of its own; 1 where there are none.</summary>
    public double Share => Variants == 0 ? 1 : (double)Own / Variants;

    /// <summary>Compiles a multivariant module and compares the code of its choices.</summary>
    /// <param name="engine">Must show its machine code.</param>
    /// <param name="module">The module that <paramref name="map"/> describes.</param>
    public static async Task<EngineResult<PreservationReport>> MeasureAsync(
        IWasmEngine engine, ReadOnlyMemory<byte> module, MultivariantMap map, CancellationToken cancellationToken)
    {
        var compiled = await engine.MachineCodeAsync(module, cancellationToken).ConfigureAwait(false);
        if (!compiled.TryGet(out var code, out var failure))
        {
            return failure;
        }

        if (code.Rejection is { } rejection)
        {
            throw new ArgumentException($"the engine does not accept the module: {rejection}", nameof(module));
        }

        var functions = map.Functions.Where(function => function.Original is not null).ToList();
        var byIndex = code.Functions.ToDictionary(function => (uint)function.Function);
        var measured = functions.Select(function => Measure(function, byIndex)).ToImmutableArray();
        return new PreservationReport(measured, Transformed(functions, measured));
    }

    private static FunctionPreservation Measure(MultivariantFunction function, Dictionary<uint, FunctionMachineCode> code)
    {
        var variants = function.Variants.Select(variant => CodeIdentity.Of(code[variant.Index], variant.Outlined.Select(outlined => code[outlined])));
        var groups = CodeIdentity.Number(variants.Prepend(CodeIdentity.Of(code[function.FunctionOf(0)], [])));
        return new FunctionPreservation(function.Index, [.. groups]);
    }

    private static ImmutableArray<TransformPreservation> Transformed(List<MultivariantFunction> functions, ImmutableArray<FunctionPreservation> measured)
    {
        var counts = new SortedDictionary<string, TransformPreservation>(StringComparer.Ordinal);
        foreach (var (function, preservation) in functions.Zip(measured))
        {
            for (var choice = 1; choice < function.ChoiceCount; choice++)
            {
                var own = preservation.IsOwn(choice) ? 1 : 0;
                var names = function.Variants[choice - 1].Transforms.Select(WithoutCount).Distinct().ToList();
                foreach (var name in names)
                {
                    var count = counts.GetValueOrDefault(name) ?? new TransformPreservation(name, 0, 0, 0, 0);
                    counts[name] = names.Count > 1
                        ? count with { Variants = count.Variants + 1, Own = count.Own + own }
                        : count with { Variants = count.Variants + 1, Own = count.Own + own, Alone = count.Alone + 1, OwnAlone = count.OwnAlone + own };
                }
            }
        }

        return [.. counts.Values];
    }

    // "commute*3" names a transform and at how many places it was done.
    private static string WithoutCount(string transform) => transform.LastIndexOf('*') is var star and > 0 ? transform[..star] : transform;
}

/// <summary>How many variants of a function have machine code of their own.</summary>
/// <param name="Function">The dispatcher's index.</param>
/// <param name="Groups">For each choice, the original first, a number that choices with the same code share; in the order of first appearance.</param>
public sealed record FunctionPreservation(uint Function, ImmutableArray<int> Groups)
{
    public int Variants => Groups.Length - 1;

    /// <summary>How many variants have code that no earlier choice has.</summary>
    public int Own => Groups.Distinct().Count() - 1;

    /// <summary>Whether no earlier choice has the code of this one.</summary>
    public bool IsOwn(int choice) => Groups.IndexOf(Groups[choice]) == choice;

    public bool Equals(FunctionPreservation? other) => other is not null && Function == other.Function && Groups.AsSpan().SequenceEqual(other.Groups.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Function, Groups.Length);
}

/// <summary>How many of the variants in which a transform took part have machine code of their own.</summary>
/// <param name="Transform">Its name.</param>
/// <param name="Variants">Variants in which it took part, once or more.</param>
/// <param name="Own">Those with code of their own.</param>
/// <param name="Alone">Variants in which it alone took part.</param>
/// <param name="OwnAlone">Those of them with code of their own.</param>
public sealed record TransformPreservation(string Transform, int Variants, int Own, int Alone, int OwnAlone);
