using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Equivalence.Tests.Planted;
using Mewe.Wasm;
using Mewe.Wasm.Validation;

namespace Mewe.Equivalence.Tests;

public sealed class PlantedBugTests(EngineFixture fixture, ITestOutputHelper output)
{
    private const int InstancesPerBug = 24, SitesPerVariant = 3;

    private static readonly string[] Modules =
    [
        "paper/encrypt.command.wasm", "more/float.command.wasm", "more/indirect.command.wasm", "more/simd.command.wasm", "more/zlib.reactor.wasm",
        "more/lua.command.wasm", "paper/qr_str.reactor.wasm", "more/as_program.wasm", "more/cpp.command.wasm",
    ];

    private static readonly PlantedBug[] Bugs =
    [
        new DuplicatedEffect(), new MovedAcrossChange(), new DroppedTrap(), new FloatIdentity(), new ForgottenSign(), new ForgottenShiftModulo(), new WrongLabel(),
        new MergedLocals(), new UnrolledWithoutExit(), new LostDefault(), new StaleMemorySize(), new WrongOperator(), new WrongConstant(), new WrongAccess(), new InvertedCondition(),
    ];

    private sealed record Instance(PlantedBug Bug, string Module, uint Function, FunctionCode Code);

    [Fact]
    public async Task NineteenInTwentyPlantedBugsAreRefuted()
    {
        var modules = Modules.ToDictionary(name => name, Corpus.Load);
        var found = new List<(Instance Instance, Verdict Verdict)>();
        foreach (var group in Bugs.SelectMany(bug => Sample(bug, modules)).GroupBy(instance => (instance.Module, instance.Function)))
        {
            var tester = new DifferentialTester(fixture.Engine, modules[group.Key.Module], new TestOptions());
            var report = await tester.TestAsync(
                group.Key.Function, [.. group.Select(instance => new VariantCode(instance.Code))], null, TestContext.Current.CancellationToken);
            found.AddRange(group.Zip(report.Verdicts));
        }

        // What does not validate needs no tester.
        found.RemoveAll(planted => planted.Verdict is Inconclusive { Kind: InconclusiveKind.InvalidCandidate });
        foreach (var bug in found.GroupBy(planted => planted.Instance.Bug))
        {
            output.WriteLine($"{bug.Key.Number,2} {bug.Key.Name}: {bug.Count(planted => planted.Verdict is Refuted)} of {bug.Count()} refuted");
        }

        var misses = found.Where(planted => planted.Verdict is Tested).ToList();
        var refused = found.Count(planted => planted.Verdict is not (Tested or Refuted));
        foreach (var (instance, verdict) in misses)
        {
            output.WriteLine($"missed: {instance.Bug.Name} in function {instance.Function} of {instance.Module}: {verdict}");
            output.WriteLine("  " + Difference(modules[instance.Module], instance));
        }

        output.WriteLine($"{found.Count - misses.Count - refused} of {found.Count} refuted, {refused} not decided, {misses.Count} missed");
        Assert.All(found.GroupBy(planted => planted.Instance.Bug), bug => Assert.True(bug.Count() >= 10, $"only {bug.Count()} instances of {bug.Key.Name}"));
        Assert.True(misses.Count * 20 <= found.Count, $"{misses.Count} of {found.Count} were missed");
    }

    [Fact]
    public async Task NoPlantedBugThatDiffersIsProved()
    {
        var modules = Modules.ToDictionary(name => name, Corpus.Load);
        var facts = modules.ToDictionary(module => module.Key, module => new ModuleFacts(module.Value));
        var solver = Z3Solver.Create();
        var proved = new List<Instance>();
        foreach (var bug in Bugs)
        {
            var count = 0;
            foreach (var instance in Sample(bug, modules))
            {
                var input = FunctionInput.Of(facts[instance.Module], instance.Function);
                if (FunctionValidator.Validate(input.Module.Context, input.Type, instance.Code) is null)
                {
                    count++;
                    if (new TranslationValidator(input, solver, null).Prove(new VariantCode(instance.Code)) is ProvedEqual)
                    {
                        proved.Add(instance);
                    }
                }
            }

            output.WriteLine($"{bug.Number,2} {bug.Name}: {count} instances, {proved.Count(instance => instance.Bug == bug)} proved");
            Assert.True(count >= 10, $"only {count} instances of {bug.Name}");
        }

        // A mistake can happen to change nothing, as two locals made one that never live at the same time. Whether it is that is asked of the engine, on many inputs.
        foreach (var group in proved.GroupBy(instance => (instance.Module, instance.Function)))
        {
            var tester = new DifferentialTester(fixture.Engine, modules[group.Key.Module], new TestOptions { Inputs = 4096, Pool = 4096 });
            var report = await tester.TestAsync(
                group.Key.Function, [.. group.Select(instance => new VariantCode(instance.Code))], null, TestContext.Current.CancellationToken);
            foreach (var (instance, verdict) in group.Zip(report.Verdicts))
            {
                output.WriteLine($"proved: {instance.Bug.Name} in function {instance.Function} of {instance.Module}, on the engine: {verdict}");
                output.WriteLine("  " + Difference(modules[instance.Module], instance));
                Assert.IsType<Tested>(verdict);
            }
        }

        Assert.True(proved.Count <= 4, $"{proved.Count} planted bugs are proved equal");
    }

    // Instances from as many functions as there are, in an order that mixes modules and depends on nothing.
    private static IEnumerable<Instance> Sample(PlantedBug bug, Dictionary<string, WasmModule> modules) => modules
        .SelectMany(module => Functions(module.Value).Select(function => (Module: module.Key, Function: function)))
        .OrderBy(place => Scramble(place.Module, place.Function, bug.Name))
        .SelectMany(place => Instances(bug, place.Module, modules[place.Module], place.Function))
        .Take(InstancesPerBug);

    private static IEnumerable<uint> Functions(WasmModule module) =>
        Enumerable.Range(0, module.Bodies.Count).Where(i => module.Bodies[i].Content.Length is > 20 and < 2500).Select(i => (uint)(module.ImportedFunctionCount + i));

    // A broken transform works on a variant as a sound one does: at a few sites, one after the other.
    private static IEnumerable<Instance> Instances(PlantedBug bug, string name, WasmModule module, uint function)
    {
        var original = module.Bodies[(int)function - module.ImportedFunctionCount].Decode();
        var type = module.TypeOfFunction(function);
        for (var variant = 0; variant < 2; variant++)
        {
            var code = original;
            for (var step = 0; step < SitesPerVariant; step++)
            {
                var planted = bug.Plant(code, type, module).ToList();
                if (planted.Count == 0)
                {
                    break;
                }

                code = planted[(int)(Scramble(name, function, $"{bug.Name}/{variant}/{step}") % planted.Count)];
            }

            if (!ReferenceEquals(code, original) && !code.Instructions.SequenceEqual(original.Instructions))
            {
                yield return new Instance(bug, name, function, code);
            }
        }
    }

    private static uint Scramble(string module, uint function, string salt)
    {
        var hash = 2166136261u;
        foreach (var letter in $"{salt}/{module}/{function}")
        {
            hash = (hash ^ letter) * 16777619;
        }

        return hash ^ (hash >> 13) * 0x5bd1e995;
    }

    private static string Difference(WasmModule module, Instance instance)
    {
        var before = module.Bodies[(int)instance.Function - module.ImportedFunctionCount].Decode().Instructions;
        var after = instance.Code.Instructions;
        var at = 0;
        while (at < Math.Min(before.Length, after.Length) && before[at].Equals(after[at]))
        {
            at++;
        }

        return $"at {at} of {before.Length}: {string.Join("; ", before.Skip(at - 4).Take(9))}  =>  {string.Join("; ", after.Skip(at - 4).Take(9))}";
    }
}
