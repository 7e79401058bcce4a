using Mewe.EndToEnd.Tests.Running;
using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Grains;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Fuzzing;
using Mewe.Wasm.Validation;

namespace Mewe.EndToEnd.Tests;

/// <summary>Whole jobs on damaged modules: a result or a reason, never an exception, and no more memory than usual.</summary>
public sealed class HostileModuleTests(ITestOutputHelper output)
{
    /// <summary>Damaged modules that are tried, and those of them that are worth a whole job because they are still valid.</summary>
    private static readonly int Mutants = 400 * Mutation.Factor;

    private static readonly int Jobs = 12 * Mutation.Factor;

    private const long MostBytes = 512L << 20;

    [Fact]
    public async Task DamagedModulesGiveAResultOrAReason()
    {
        var token = TestContext.Current.CancellationToken;

        // An endless loop that the damage made is given up soon: an engine that gave up is a reason too.
        await using var engine = (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 1, AbortAfter = TimeSpan.FromSeconds(3) }, token)).Value;
        string[] names = ["encrypt", "decrypt", "invert"];
        byte[][] seeds = [.. names.Select(name => File.ReadAllBytes(Sample.ModulePath(name)))];
        var random = new Random(20 + Mutation.Factor);
        var (refused, finished, failed) = (0, 0, 0);
        for (var i = 0; i < Mutants; i++)
        {
            var seed = seeds[random.Next(seeds.Length)];
            var mutant = i % 2 == 0 ? Mutation.Apply(seed, random) : Mutation.ReplaceOne(seed, random);
            var valid = IsValid(mutant, token);
            if (valid && finished + failed >= Jobs)
            {
                continue;
            }

            var options = new JobOptions { Variants = 1, Seed = (ulong)i, Fuel = 50_000 };
            var result = await new LocalJob(engine, new JobRequest(mutant, options, null)).RunAsync(1, null, token);
            if (!valid)
            {
                Assert.Equal(JobFailureKind.BadModule, result.Failure?.Kind);
                Assert.Null(result.Module);
                refused++;
            }
            else if (result.Failure is { } failure)
            {
                Assert.True(failure.Kind is JobFailureKind.BadModule or JobFailureKind.EngineFailed or JobFailureKind.BadOptions, $"mutant {i}: {failure.Kind}: {failure.Message}");
                output.WriteLine($"mutant {i}: {failure.Message}");
                failed++;
            }
            else
            {
                Assert.True(IsValid(result.Module!, token), $"mutant {i}");
                Assert.Equal((0L, 0L), (result.Report!.Totals.Invalid, result.Report.Totals.Refuted));
                finished++;
            }
        }

        output.WriteLine($"{refused} refused, {finished} jobs finished, {failed} ended with a reason");
        Assert.True(refused > Mutants / 10 && finished > Jobs / 4, "the damage is not of the kind that this test wants");
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true), 0, MostBytes);
    }

    private static bool IsValid(byte[] bytes, CancellationToken token) =>
        ModuleReader.TryRead(bytes, out _) is { } module && ModuleValidator.Validate(module, token) is null;
}
