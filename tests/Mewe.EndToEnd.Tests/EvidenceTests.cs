using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using Mewe.Diversify;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.EndToEnd.Tests;

/// <summary>What is said to be proved: everywhere the same, and believed by nobody who can check it.</summary>
public sealed class EvidenceTests(EvidenceTests.Job job) : IClassFixture<EvidenceTests.Job>
{
    private static string Original => Sample.ModulePath("encrypt");

    [Fact]
    public async Task ReportSectionAndInspectAgree()
    {
        var section = MeweSection.TryRead(ModuleBytes.Read(job.Path), out _)!;
        var recorded = section.Map.Functions.SelectMany(function => function.Variants).Select(variant => variant.Evidence).ToList();
        var reported = job.Report.GetProperty("functions").EnumerateArray().SelectMany(function => function.GetProperty("variants").EnumerateArray()).ToList();
        var inspection = JsonDocument.Parse((await MeweCommand.RunAsync("inspect", job.Path, "--json")).Exits(0).StdoutBytes).RootElement;
        var inspected = inspection.GetProperty("functions").EnumerateArray().SelectMany(function => function.GetProperty("variants").EnumerateArray()).ToList();
        Assert.NotEmpty(recorded);
        Assert.Equal(recorded.Select(evidence => evidence.Kind.Word()), reported.Select(variant => variant.GetProperty("evidence").GetString()!));
        Assert.Equal(recorded.Select(evidence => evidence.NotProved), reported.Select(variant => variant.GetProperty("notProved").GetString()));
        Assert.Equal(recorded.Select(evidence => evidence.Kind.Word()), inspected.Select(variant => variant.GetProperty("evidence").GetString()!));
        Assert.All(recorded, evidence => Assert.Equal(evidence.Kind == EvidenceKind.Proved, evidence.NotProved is null));
        var proofs = job.Report.GetProperty("proofs");
        var proved = recorded.Count(evidence => evidence.Kind == EvidenceKind.Proved);
        Assert.True(proved > 0);
        Assert.Equal((recorded.Count, proved, recorded.Count - proved),
            (proofs.GetProperty("linked").GetInt32(), proofs.GetProperty("proved").GetInt32(), proofs.GetProperty("testedOnly").GetInt32()));
        Assert.Equal(recorded.Count - proved, proofs.GetProperty("notProved").EnumerateArray().Sum(category => category.GetProperty("variants").GetInt32()));
        Assert.Contains($"{recorded.Count} variants, {proved} proved (", job.Result.Stdout);
    }

    /// <summary>Why it was not proved was said with a term whose text had 17 megabytes, and no message may be as long: the job failed.</summary>
    [Fact]
    public async Task AFunctionWhoseProofEndsInAHugeTermIsDiversified()
    {
        using var folder = new TempFolder();
        var result = await MeweCommand.RunAsync("diversify", Sample.ModulePath("random"), "--functions", "^sc25519_is_canonical$", "--engine", "v8", "-o", folder["random.mv.wasm"], "--report", folder["report.json"]);
        result.Exits(0);

        var report = JsonDocument.Parse(await File.ReadAllBytesAsync(folder["report.json"], TestContext.Current.CancellationToken)).RootElement;
        var function = report.GetProperty("functions").EnumerateArray().Single(entry => entry.GetProperty("name").GetString() == "sc25519_is_canonical");
        Assert.Equal(16, function.GetProperty("variants").GetArrayLength());
    }

    [Fact]
    public async Task TheBytesAreTheSameWithAWarmStoreAColdOneAndNone()
    {
        // Functions that need the solver; most do not.
        using var folder = new TempFolder();
        var cold = await MakeAsync("cold.wasm", folder["lemmas.db"]);
        var warm = await MakeAsync("warm.wasm", folder["lemmas.db"]);
        await MakeAsync("none.wasm", "none");
        var expected = await File.ReadAllBytesAsync(folder["cold.wasm"], TestContext.Current.CancellationToken);
        Assert.Equal(expected, await File.ReadAllBytesAsync(folder["warm.wasm"], TestContext.Current.CancellationToken));
        Assert.Equal(expected, await File.ReadAllBytesAsync(folder["none.wasm"], TestContext.Current.CancellationToken));
        Assert.True(cold.GetProperty("lemmasAsked").GetInt64() > cold.GetProperty("lemmasKnown").GetInt64());
        Assert.Equal(cold.GetProperty("lemmasAsked").GetInt64(), warm.GetProperty("lemmasAsked").GetInt64());
        Assert.Equal(warm.GetProperty("lemmasAsked").GetInt64(), warm.GetProperty("lemmasKnown").GetInt64());

        async Task<JsonElement> MakeAsync(string output, string store)
        {
            var result = await MeweCommand.RunAsync("diversify", Original, "-o", folder[output], "--variants", "4", "--functions", "poly1305", "--store", store, "--json");
            return JsonDocument.Parse(result.Exits(0).StdoutBytes).RootElement.GetProperty("proofs");
        }
    }

    [Fact]
    public async Task AStoreThatIsNoneCostsALineAndNothingElse()
    {
        using var folder = new TempFolder();
        var result = await DiversifyAsync(folder, "--store", folder.Write("store.db", "this is no store, whatever its name says; it is text and long enough"u8));
        Assert.Single(result.StderrLines, line => line.Contains("store", StringComparison.Ordinal));
        Assert.Equal(await File.ReadAllBytesAsync(job.Path, TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(folder["out.wasm"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task ProvedEvidenceLinksProvedVariantsOnly()
    {
        using var folder = new TempFolder();
        await DiversifyAsync(folder, "--evidence", "proved", "--store", job.Store);
        var section = MeweSection.TryRead(ModuleBytes.Read(folder["out.wasm"]), out _)!;
        Assert.Contains("evidence=proved", section.Options);
        var variants = section.Map.Functions.SelectMany(function => function.Variants).ToList();
        Assert.NotEmpty(variants);
        Assert.All(variants, variant => Assert.Equal(EvidenceKind.Proved, variant.Evidence.Kind));
    }

    [Fact]
    public async Task WithoutTheSolverItStillWorksAndSaysSoOnce()
    {
        using var folder = new TempFolder();
        var start = new ProcessStartInfo(MeweCommand.Path, ["diversify", Original, "-o", folder["out.wasm"], .. Job.Options, "--store", "none"]);
        start.Environment["MEWE_Z3"] = folder["no-such-library"];
        var result = (await MeweCommand.RunAsync(start)).Exits(0);
        Assert.Single(result.Stdout.Split('\n'), line => line.Contains("without the solver", StringComparison.Ordinal));
        Assert.Contains("solver=none", MeweSection.TryRead(ModuleBytes.Read(folder["out.wasm"]), out _)!.Options);
    }

    [Fact]
    public async Task VerifyProvesAgainAndCounts()
    {
        var report = JsonDocument.Parse((await MeweCommand.RunAsync("verify", Original, job.Path, "--json")).Exits(0).StdoutBytes).RootElement;
        var proofs = job.Report.GetProperty("proofs");
        Assert.Equal(proofs.GetProperty("proved").GetInt32(), report.GetProperty("proved").GetInt32());
        Assert.Equal(proofs.GetProperty("testedOnly").GetInt32(), report.GetProperty("testedOnly").GetInt32());
    }

    [Fact]
    public async Task OneChangedInstructionOfAProvedVariantFailsVerification()
    {
        using var folder = new TempFolder();
        var module = ModuleBytes.Read(job.Path).Clone();
        var variant = MeweSection.TryRead(module, out _)!.Map.Functions.SelectMany(function => function.Variants)
            .First(candidate => candidate.Evidence.Kind == EvidenceKind.Proved && Body(module, candidate).Instructions.Any(instruction => instruction.Opcode == Opcode.I32Add));
        var code = Body(module, variant);
        var at = code.Instructions.ToList().FindIndex(instruction => instruction.Opcode == Opcode.I32Add);
        var changed = Instruction.Of(Opcode.I32Sub);
        module.Bodies[(int)variant.Index - module.ImportedFunctionCount] = new FunctionBody(new FunctionCode(code.Locals, code.Instructions.SetItem(at, changed)));

        var result = (await MeweCommand.RunAsync("verify", Original, folder.Write("tampered.wasm", ModuleBytes.WriteValid(module)))).Exits(1);

        Assert.Contains("it is recorded as proved and could not be proved again", result.Stdout);
        Assert.Contains("NOT verified", result.Stdout);
    }

    /// <summary>Tests would hardly ever find it: a variant that differs on one number out of four billion, and says that it is proved.</summary>
    [Fact]
    public async Task AVariantThatLiesAboutItsProofFailsVerification()
    {
        using var folder = new TempFolder();
        var original = ModuleBytes.Read(Original);
        var contents = MultivariantReader.TryRead(ModuleBytes.Read(job.Path), out _)!;
        var function = contents.Functions.First(candidate => candidate.Variants.Length > 0
            && original.TypeOfFunction(candidate.Function) is { Parameters: [var first, ..] } && first == ValueType.I32);
        var honest = function.Variants[0];
        var code = honest.Code.Code;
        ImmutableArray<Instruction> rare =
        [
            Instruction.LocalGet(0), Instruction.I32Const(0x1357_9BDF), Instruction.Of(Opcode.I32Eq), Instruction.Block(Opcode.If, BlockType.Empty),
            Instruction.Of(Opcode.Unreachable), Instruction.Of(Opcode.End),
        ];
        var liar = honest with
        {
            Code = honest.Code with { Code = new FunctionCode(code.Locals, [.. rare, .. code.Instructions]) },
            Evidence = honest.Evidence with { Kind = EvidenceKind.Proved, NotProved = null },
        };
        var linked = MultivariantLinker.Link(original, [new FunctionVariants(function.Function, [liar])], new LinkOptions());

        var result = (await MeweCommand.RunAsync("verify", Original, folder.Write("liar.wasm", linked.Module))).Exits(1);

        Assert.Contains("it is recorded as proved and could not be proved again", result.Stdout);
        Assert.Contains("1 of 1 variants without a pass", result.Stdout);
    }

    [Fact]
    public async Task ExplainNamesTheRulesAndHowTheyAreProved()
    {
        var (function, number) = WithRules();
        var text = (await MeweCommand.RunAsync("explain", job.Path, $"{function.Index}", "--variant", $"{number}", "--original", Original)).Exits(0).Stdout;
        var steps = function.Variants[number - 1].Steps;
        Assert.All(steps.SelectMany(step => step.Rules), rule => Assert.Contains($"rule {rule}", text));
        Assert.All(steps, step => Assert.Contains(step.Transform.Split('*')[0], text));
        Assert.Contains("=>", text);
        Assert.Contains("proved for all", text);
        Assert.Contains("proved again just now", text);
    }

    [Fact]
    public async Task ExplainGivesTheSameAsJson()
    {
        var (function, number) = WithRules();
        var json = JsonDocument.Parse((await MeweCommand.RunAsync("explain", job.Path, $"{function.Index}", "--variant", $"{number}", "--json")).Exits(0).StdoutBytes).RootElement;
        var steps = json.GetProperty("steps").EnumerateArray().ToList();
        Assert.Equal(function.Variants[number - 1].Steps.Length, steps.Count);
        Assert.All(steps.SelectMany(step => step.GetProperty("rules").EnumerateArray()), rule =>
        {
            Assert.True(rule.GetProperty("proved").GetBoolean(), rule.GetProperty("proof").GetString());
            Assert.Contains("=>", rule.GetProperty("text").GetString());
        });
        Assert.Equal("proved", json.GetProperty("evidence").GetProperty("kind").GetString());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("evidence").GetProperty("again").ValueKind);
    }

    [Fact]
    public async Task ExplainRefusesWhatThereIsNot()
    {
        var function = WithRules().Function;
        (await MeweCommand.RunAsync("explain", job.Path, $"{function.Index}", "--variant", "1000")).Exits(64);
        (await MeweCommand.RunAsync("explain", job.Path, "no such function", "--variant", "1")).Exits(64);
        (await MeweCommand.RunAsync("explain", Original, "_start", "--variant", "1")).Exits(65);
        (await MeweCommand.RunAsync("explain", job.Path, $"{function.Index}", "--variant", "1", "--original", Sample.ModulePath("decrypt"))).Exits(65);
    }

    private (MultivariantFunction Function, int Variant) WithRules() =>
        MeweSection.TryRead(ModuleBytes.Read(job.Path), out _)!.Map.Functions
            .SelectMany(function => function.Variants.Select((variant, i) => (Function: function, Variant: i + 1, variant.Steps, variant.Evidence)))
            .Where(item => item.Evidence.Kind == EvidenceKind.Proved && item.Steps.Any(step => step.Rules.Length > 0))
            .Select(item => (item.Function, item.Variant)).First();

    private static FunctionCode Body(WasmModule module, MultivariantVariant variant) => module.Bodies[(int)variant.Index - module.ImportedFunctionCount].Decode();

    private static async Task<CommandResult> DiversifyAsync(TempFolder folder, params string[] options) =>
        (await MeweCommand.RunAsync(["diversify", Original, "-o", folder["out.wasm"], "--json", .. Job.Options, .. options])).Exits(0);

    /// <summary>A few functions of a service, diversified with a store of their own.</summary>
    public sealed class Job : IAsyncLifetime
    {
        internal static readonly string[] Options = ["--variants", "4", "--functions", "sodium|store|strlen"];

        private readonly TempFolder folder = new();

        public string Path => folder["encrypt.mv.wasm"];

        public string Store => folder["store.db"];

        internal CommandResult Result { get; private set; } = null!;

        public JsonElement Report { get; private set; }

        public async ValueTask InitializeAsync()
        {
            Result = await MeweCommand.RunAsync(["diversify", Original, "-o", Path, "--report", folder["report.json"], "--store", Store, .. Options]);
            Result.Exits(0);
            Report = JsonDocument.Parse(await File.ReadAllBytesAsync(folder["report.json"])).RootElement;
        }

        public ValueTask DisposeAsync()
        {
            folder.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
