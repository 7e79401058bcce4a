using System.Text.Json;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Linking;

namespace Mewe.EndToEnd.Tests;

/// <summary>Rules that are learned from a module: proved, kept, used where they are asked for, and shown with their proofs.</summary>
public sealed class LearnTests(LearnTests.Lesson lesson) : IClassFixture<LearnTests.Lesson>
{
    private const string Functions = "sodium|store|poly1305_update";

    private static string Original => Sample.ModulePath("encrypt");

    [Fact]
    public void EveryRuleComesWithItsProof()
    {
        var rules = lesson.Report.GetProperty("rules").EnumerateArray().ToList();
        Assert.NotEmpty(rules);
        Assert.All(rules, rule =>
        {
            Assert.Contains("=>", rule.GetProperty("rule").GetString());
            Assert.NotEmpty(rule.GetProperty("proof").GetString()!);
        });
        Assert.Equal(rules.Count, lesson.Report.GetProperty("inStore").GetInt32());
    }

    [Fact]
    public async Task LearnedRulesAreUsedRecordedVerifiedAndExplained()
    {
        using var folder = new TempFolder();
        await DiversifyAsync(folder["out.wasm"]);
        var section = MeweSection.TryRead(ModuleBytes.Read(folder["out.wasm"]), out _)!;
        Assert.EndsWith($" rules=learned:{lesson.Report.GetProperty("digest").GetString()}", section.Options);

        (await MeweCommand.RunAsync("verify", Original, folder["out.wasm"])).Exits(0);

        // From the file alone: the store is none of explain's business.
        var (function, variant, rule) = section.Map.Functions.SelectMany(function => function.Variants.SelectMany((variant, i) =>
            variant.Steps.SelectMany(step => step.Rules).Where(rule => rule.StartsWith("learned/", StringComparison.Ordinal)).Select(rule => (function.Index, i + 1, rule)))).First();
        var explanation = JsonDocument.Parse((await MeweCommand.RunAsync("explain", folder["out.wasm"], $"{function}", "--variant", $"{variant}", "--json")).Exits(0).StdoutBytes).RootElement;
        var explained = explanation.GetProperty("steps").EnumerateArray().SelectMany(step => step.GetProperty("rules").EnumerateArray())
            .First(candidate => rule == $"learned/{candidate.GetProperty("text").GetString()}");
        Assert.True(explained.GetProperty("proved").GetBoolean());
        Assert.Equal(rule.Split(':')[0], explained.GetProperty("rule").GetString());
    }

    [Fact]
    public async Task TheSameRulesGiveTheSameBytesAndOthersOtherOnes()
    {
        using var folder = new TempFolder();
        await DiversifyAsync(folder["first.wasm"]);
        await DiversifyAsync(folder["second.wasm"], "--threads", "1");
        await DiversifyAsync(folder["builtin.wasm"], "--rules", "builtin");
        var first = await File.ReadAllBytesAsync(folder["first.wasm"], TestContext.Current.CancellationToken);
        Assert.Equal(first, await File.ReadAllBytesAsync(folder["second.wasm"], TestContext.Current.CancellationToken));
        Assert.NotEqual(first, await File.ReadAllBytesAsync(folder["builtin.wasm"], TestContext.Current.CancellationToken));
        Assert.DoesNotContain("rules=", MeweSection.TryRead(ModuleBytes.Read(folder["builtin.wasm"]), out _)!.Options);
    }

    [Fact]
    public async Task WhereThereIsNothingLearnedTheJobSaysSoAndDoesNotGoOn()
    {
        using var folder = new TempFolder();
        var empty = await MeweCommand.RunAsync("diversify", Original, "-o", folder["out.wasm"], "--rules", "learned", "--store", folder["empty.db"]);
        Assert.Contains("mewe learn", empty.Exits(66).Stderr);
        (await MeweCommand.RunAsync("diversify", Original, "-o", folder["out.wasm"], "--rules", "learned", "--store", "none")).Exits(64);
        (await MeweCommand.RunAsync("diversify", Original, "-o", folder["out.wasm"], "--rules", "learned", "--store", folder.Write("no.db", "no store, but a text that is long enough to look at"u8))).Exits(66);
        Assert.False(File.Exists(folder["out.wasm"]));
    }

    [Fact]
    public async Task WrongArgumentsAreSaidInALine()
    {
        using var folder = new TempFolder();
        Assert.Single((await MeweCommand.RunAsync("learn", Original, "--store", "none")).Exits(64).StderrLines);
        Assert.Single((await MeweCommand.RunAsync("learn", Original, "--store", folder["a.db"], "--functions", "no such function")).Exits(64).StderrLines);
        Assert.Single((await MeweCommand.RunAsync("learn", Original, "--store", folder["a.db"], "--functions", "(")).Exits(64).StderrLines);
        Assert.Single((await MeweCommand.RunAsync("learn", Original, "--expressions", "0")).Exits(64).StderrLines);
        Assert.Single((await MeweCommand.RunAsync("learn", Original, "--store", folder.Write("no.db", "no store, but a text that is long enough to look at"u8))).Exits(73).StderrLines);
        Assert.Single((await MeweCommand.RunAsync("learn", folder.Write("no.wasm", "no module"u8), "--store", folder["a.db"])).Exits(65).StderrLines);
    }

    private async Task DiversifyAsync(string output, params string[] options) => (await MeweCommand.RunAsync(
        ["diversify", Original, "-o", output, "--variants", "16", "--functions", Functions, "--store", lesson.Store, .. options.Contains("--rules") ? [] : new[] { "--rules", "learned" }, .. options])).Exits(0);

    /// <summary>A few rules, learned into a store of their own.</summary>
    public sealed class Lesson : IAsyncLifetime
    {
        private readonly TempFolder folder = new();

        public string Store => folder["rules.db"];

        public JsonElement Report { get; private set; }

        public async ValueTask InitializeAsync() => Report = JsonDocument.Parse(
            (await MeweCommand.RunAsync("learn", Original, "--functions", Functions, "--expressions", "16", "--store", Store, "--json")).Exits(0).StdoutBytes).RootElement;

        public ValueTask DisposeAsync()
        {
            folder.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
