using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>What <c>mewe verify</c> found.</summary>
/// <param name="Verified">Nothing but dispatchers and variants differs, and every variant passed again.</param>
/// <param name="Differences">What differs outside of dispatchers and variants, or is not what the module's provenance claims.</param>
/// <param name="Variants">Variants that were tested again.</param>
/// <param name="Proved">Variants that are recorded as proved and were proved again.</param>
/// <param name="TestedOnly">Variants that are recorded as tested only.</param>
/// <param name="Failures">Those that did not pass, and why.</param>
/// <param name="Solver">Who helped with the proofs; "none" where there is none.</param>
public sealed record VerificationReport(bool Verified, ImmutableArray<string> Differences, int Functions, int Variants, int Proved, int TestedOnly,
    ImmutableArray<VerificationFailure> Failures, string Engine, string Solver)
{
    /// <summary>What a user should know: engines that were left out.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>UTF-8 JSON, indented, camelCase.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, VerificationJsonContext.Default.VerificationReport);
}

/// <param name="Function">In the original module.</param>
/// <param name="Variant">From 1.</param>
/// <param name="Verdict">The tester's word (refuted, inconclusive or untestable), or "not proved".</param>
public sealed record VerificationFailure(uint Function, string Name, int Variant, string Verdict, string Detail);

/// <summary>
/// Checks a multivariant module again, from the two files alone: the module's provenance is read but not believed. Structure first
/// (<see cref="StructureCheck"/>), then every variant is taken out of the module and run against the original's body on fresh inputs on every engine, and each that is recorded as proved is proved
/// again: no store of lemmas is asked.
/// </summary>
public sealed class ModuleVerification(JobEngines engines)
{
    /// <summary>A verification on one engine.</summary>
    public ModuleVerification(IWasmEngine engine)
        : this(JobEngines.Only(engine))
    {
    }

    /// <summary>Helps with proofs; null for none, and then some may not be found again.</summary>
    public ISolver? Solver { get; init; } = Prover.DefaultSolver;

    /// <summary>Where the inputs of a verification start, so that they are not those that the job used (its seed is zero, or the user's).</summary>
    private const ulong SeedOffset = 0x5EED_0FF5_E700_0000;

    private const string NotProvedAgain = "not proved";

    public async Task<VerificationReport> VerifyAsync(WasmModule original, WasmModule multivariant, int threads, IProgress<JobProgress>? progress, CancellationToken cancellationToken)
    {
        var (accepting, refusals) = await engines.AcceptingAsync(original.Source, cancellationToken);
        var (engineName, solverName) = (accepting.Names, Prover.NameOf(Solver));
        var differences = StructureCheck.Compare(original, multivariant).Select(difference => difference.ToString()).ToImmutableArray();
        var contents = MultivariantReader.TryRead(multivariant, out var error);
        if (contents is null)
        {
            return new VerificationReport(false, [.. differences, .. differences.IsEmpty ? [error!.ToString()] : Array.Empty<string>()], 0, 0, 0, 0, [], engineName, solverName);
        }

        if (!differences.IsEmpty)
        {
            return new VerificationReport(false, differences, contents.Functions.Length, 0, 0, 0, [], engineName, solverName);
        }

        var names = new FunctionNames(original);
        var tester = new DifferentialTester(accepting.Target, original, new TestOptions { Seed = contents.Section.Seed + SeedOffset });
        var failures = new ImmutableArray<VerificationFailure>[contents.Functions.Length];
        var facts = new ModuleFacts(original);
        using var prover = new Prover(threads, Solver, new MemoryLemmaCache());
        var (done, tested) = (0, 0L);
        var parallelism = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Enumerable.Range(0, failures.Length), parallelism, async (position, token) =>
        {
            var function = contents.Functions[position];
            failures[position] =
                [.. await RetestAsync(tester, accepting.Others, names, function, token), .. await ReproveAsync(prover, facts, names, function, token)];
            Interlocked.Add(ref tested, function.Variants.Length);
            progress?.Report(new JobProgress(JobPhase.Running, Interlocked.Increment(ref done), failures.Length, Volatile.Read(ref tested), Volatile.Read(ref tested), 0));
        });
        var failed = failures.SelectMany(list => list).ToImmutableArray();
        var variants = contents.Functions.SelectMany(function => function.Variants).ToList();
        var recorded = variants.Count(variant => variant.Evidence.Kind == EvidenceKind.Proved);
        return new VerificationReport(failed.IsEmpty, [], contents.Functions.Length, variants.Count, recorded - failed.Count(failure => failure.Verdict == NotProvedAgain),
            variants.Count - recorded, failed, engineName, solverName) { Notes = refusals };
    }

    private async Task<ImmutableArray<VerificationFailure>> ReproveAsync(Prover prover, ModuleFacts facts, FunctionNames names, FunctionVariants function,
        CancellationToken cancellationToken)
    {
        var proved = Enumerable.Range(0, function.Variants.Length).Where(i => function.Variants[i].Evidence.Kind == EvidenceKind.Proved).ToList();
        if (proved.Count == 0)
        {
            return [];
        }

        var results = await prover.Of(FunctionInput.Of(facts, function.Function)).ProveAgainAsync([.. proved.Select(i => function.Variants[i].Code)], cancellationToken);
        return [.. proved.Zip(results).Where(pair => pair.Second is NotProved).Select(pair => new VerificationFailure(
            function.Function, names.Of(function.Function), pair.First + 1, NotProvedAgain, Because((NotProved)pair.Second)))];
    }

    private string Because(NotProved result) =>
        $"it is recorded as proved and could not be proved again ({result.Category}: {result.Reason})"
        + (Solver is null ? $"; the solver is missing: {Z3Solver.MissingReason ?? "none was given"}" : "");

    private static async Task<ImmutableArray<VerificationFailure>> RetestAsync(
        DifferentialTester tester, ImmutableArray<IWasmEngine> others, FunctionNames names, FunctionVariants function, CancellationToken cancellationToken)
    {
        if (function.Variants.IsEmpty)
        {
            return [];
        }

        var functionTester = tester.Of(function.Function, RecordedInputs.None);
        ImmutableArray<VariantCode> codes = [.. function.Variants.Select(variant => variant.Code)];
        var report = await functionTester.TestAsync(codes, cancellationToken);
        var verdicts = report.Verdicts;
        foreach (var other in others)
        {
            var confirmation = await functionTester.ConfirmAsync(other, codes, cancellationToken);
            verdicts = [.. verdicts.Zip(confirmation.Verdicts, (here, there) => here is Tested ? there : here)];
        }

        var failures = ImmutableArray.CreateBuilder<VerificationFailure>();
        for (var i = 0; i < verdicts.Length; i++)
        {
            var (verdict, detail) = verdicts[i] switch
            {
                Tested => ("", ""),
                Refuted refuted => ("refuted", refuted.Counterexample.ToJson()),
                Inconclusive inconclusive => ("inconclusive", inconclusive.Reason),
                Untestable untestable => ("untestable", untestable.Reason),
                var other => throw new InvalidOperationException($"no such verdict: {other}"),
            };
            if (verdict.Length > 0)
            {
                failures.Add(new VerificationFailure(function.Function, names.Of(function.Function), i + 1, verdict, detail));
            }
        }

        return failures.ToImmutable();
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(VerificationReport))]
internal sealed partial class VerificationJsonContext : JsonSerializerContext;
