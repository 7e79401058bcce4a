using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Conformance.Tests.Multivariant;

/// <summary>The variants of one function, as many as asked for or a reason why not.</summary>
/// <param name="Dropped">Candidates that were proposed and may not be linked, with what is wrong with them: each is a finding.</param>
public sealed record SourcedVariants(ImmutableArray<LinkedVariant> Variants, string? Reason, ImmutableArray<string> Dropped);

/// <summary>Where variants come from.</summary>
public abstract class VariantSource
{
    /// <summary>Variants that a function gets at most.</summary>
    public const int VariantsPerFunction = 4;

    private static readonly Evidence NoEvidence = new(EvidenceKind.Tested, 0, 0, 0);

    /// <summary>Begins with a module; what is returned may be asked for its functions one after the other.</summary>
    public abstract Func<FunctionInput, CancellationToken, Task<SourcedVariants>> Begin(WasmModule module);

    /// <summary>The original itself, K times over: whatever differs is the linker's doing.</summary>
    public sealed class Copies : VariantSource
    {
        public override Func<FunctionInput, CancellationToken, Task<SourcedVariants>> Begin(WasmModule module) => (function, _) =>
            Task.FromResult(new SourcedVariants([.. Enumerable.Repeat(new LinkedVariant(new VariantCode(function.Code), ["copy"], NoEvidence), VariantsPerFunction)], null, []));
    }

    /// <summary>How a share of the variants of each function is proposed.</summary>
    public sealed record Share(int Variants, Diversifier Diversifier, DiversifyOptions Options);

    /// <summary>The first candidates, validated and not tested: whatever differs is a transform's doing, or the linker's.</summary>
    public sealed class Proposed(params ImmutableArray<Share> shares) : VariantSource
    {
        public override Func<FunctionInput, CancellationToken, Task<SourcedVariants>> Begin(WasmModule module) => (function, _) =>
        {
            var seen = new HashSet<UInt128>();
            var variants = ImmutableArray.CreateBuilder<LinkedVariant>();
            var invalid = ImmutableArray.CreateBuilder<string>();
            StopReason? stop = null;
            foreach (var share in shares)
            {
                var stream = share.Diversifier.Propose(function, share.Options with { MaxCandidates = VariantsPerFunction });
                variants.AddRange(stream.Where(candidate => seen.Add(candidate.Hash)).Take(share.Variants).Select(candidate => Linked(candidate, NoEvidence)));
                invalid.AddRange(stream.Invalid.Select(candidate => $"{Steps(candidate.Candidate)}: {candidate.Error}"));
                stop = stream.Stop ?? stop;
            }

            return Task.FromResult(new SourcedVariants(variants.ToImmutable(), Reason(variants, stop), invalid.ToImmutable()));
        };
    }

    /// <summary>The first K candidates that the differential tester does not object to, as in a real job.</summary>
    public sealed class Tested(Diversifier diversifier, DiversifyOptions options, IWasmEngine engine, TestOptions testing) : VariantSource
    {
        private const int CandidatesPerFunction = 2 * VariantsPerFunction;

        public override Func<FunctionInput, CancellationToken, Task<SourcedVariants>> Begin(WasmModule module)
        {
            var tester = new DifferentialTester(engine, module, testing);
            return async (function, cancellation) =>
            {
                var stream = diversifier.Propose(function, options with { MaxCandidates = CandidatesPerFunction });
                var candidates = stream.ToList();
                if (candidates.Count == 0)
                {
                    return new SourcedVariants([], Reason([], stream.Stop), []);
                }

                var report = await tester.TestAsync(function.Index, [.. candidates.Select(candidate => candidate.Code)], null, cancellation);
                var variants = ImmutableArray.CreateBuilder<LinkedVariant>();
                var dropped = ImmutableArray.CreateBuilder<string>();
                string? reason = null;
                foreach (var (candidate, verdict) in candidates.Zip(report.Verdicts))
                {
                    switch (verdict)
                    {
                        case Equivalence.Tested tested:
                            if (variants.Count < VariantsPerFunction)
                            {
                                variants.Add(Linked(candidate, new Evidence(EvidenceKind.Tested, (uint)tested.Inputs, (uint)report.BranchesTotal, (uint)report.BranchesCovered)));
                            }

                            break;
                        case Refuted refuted:
                            dropped.Add($"{Steps(candidate)}: {refuted.Counterexample}");
                            break;
                        case Inconclusive inconclusive:
                            reason = $"inconclusive: {inconclusive.Kind}";
                            break;
                        case Untestable untestable:
                            reason = $"untestable: {untestable.Reason}";
                            break;
                    }
                }

                return new SourcedVariants(variants.ToImmutable(), variants.Count == VariantsPerFunction ? null : reason ?? Reason(variants, stream.Stop), dropped.ToImmutable());
            };
        }
    }

    private static LinkedVariant Linked(CandidateVariant candidate, Evidence evidence) =>
        new(candidate.Code, [.. candidate.Steps.Select(VariantStep.Of)], evidence);

    private static string Steps(CandidateVariant candidate) => string.Join(" ", candidate.Steps);

    private static string? Reason(IReadOnlyCollection<LinkedVariant> variants, StopReason? stop) =>
        variants.Count == VariantsPerFunction ? null : stop is { Kind: StopKind.Unsupported } ? $"unsupported: {stop.Text}" : stop?.Kind.ToString();
}
