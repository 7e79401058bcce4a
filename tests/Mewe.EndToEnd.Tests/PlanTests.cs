using System.Text.Json;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.EndToEnd.Tests;

/// <summary>What was measured can be done again without measuring, to the byte.</summary>
public sealed class PlanTests
{
    private static readonly string Service = Sample.ModulePath("bin2base64.reactor"), Workload = Sample.WorkloadPath("bin2base64.reactor");

    private static Task<CommandResult> DiversifyAsync(string output, params string[] options) =>
        MeweCommand.RunAsync(["diversify", Service, "-o", output, "--workload", Workload, "--variants", "4", "--functions", "sodium|service|malloc", .. options]);

    [Fact]
    public async Task APlanGivesTheSameBytesOnAnyNumberOfThreadsAndIsInTheModule()
    {
        using var folder = new TempFolder();
        var measured = (await DiversifyAsync(folder["measured.wasm"], "--save-plan", folder["plan.json"], "--json")).Exits(0);
        var plan = JsonDocument.Parse(measured.StdoutBytes).RootElement.GetProperty("plan");
        Assert.Equal("measured", plan.GetProperty("profile").GetString());
        Assert.True(plan.GetProperty("slowdown").GetDouble() > 0);

        var again = (await DiversifyAsync(folder["again.wasm"], "--plan", folder["plan.json"], "--save-plan", folder["again.json"], "--threads", "1")).Exits(0);

        Assert.DoesNotContain("not kept", again.Stderr);
        Assert.Equal(await BytesAsync(folder["measured.wasm"]), await BytesAsync(folder["again.wasm"]));
        Assert.Equal(await BytesAsync(folder["plan.json"]), await BytesAsync(folder["again.json"]));
        var section = MeweSection.TryRead(ModuleBytes.Read(folder["again.wasm"]), out _)!;
        Assert.Equal(JsonDocument.Parse(await BytesAsync(folder["plan.json"])).RootElement.GetProperty("functions").GetArrayLength(),
            JsonDocument.Parse(section.Plan).RootElement.GetProperty("functions").GetArrayLength());
        (await MeweCommand.RunAsync("verify", Service, folder["again.wasm"])).Exits(0);
    }

    [Fact]
    public async Task WhereChoicesAreKeptForARequestTheFunctionsThatItCallsMostAreBound()
    {
        using var folder = new TempFolder();
        var (service, module) = (Sample.ModulePath("qr_str.reactor"), folder["entry.wasm"]);
        (await MeweCommand.RunAsync("diversify", service, "-o", module, "--workload", Sample.WorkloadPath("qr_str.reactor"), "--policy", "entry", "--variants", "3", "--functions", "dlmalloc|__r(ust|dl)_", "--save-plan", folder["plan.json"])).Exits(0);

        var functions = JsonDocument.Parse((await MeweCommand.RunAsync("inspect", module, "--json")).Exits(0).StdoutBytes).RootElement.GetProperty("functions").EnumerateArray()
            .Select(function => function.GetProperty("policy").GetString()).Where(policy => policy is not null).ToList();
        Assert.Contains(functions, policy => policy!.StartsWith("bound, entry", StringComparison.Ordinal));
        Assert.Contains(functions, policy => policy!.StartsWith("entry", StringComparison.Ordinal));
        (await MeweCommand.RunAsync("verify", service, module)).Exits(0);
        (await MeweCommand.RunAsync("diversify", service, "-o", folder["again.wasm"], "--workload", Sample.WorkloadPath("qr_str.reactor"), "--policy", "entry", "--variants", "3", "--functions", "dlmalloc|__r(ust|dl)_", "--plan", folder["plan.json"])).Exits(0);
        Assert.Equal(await BytesAsync(module), await BytesAsync(folder["again.wasm"]));
    }

    [Fact]
    public async Task WhereEveryCallIsAChoiceThoseThatARequestMakesMostAreInlinedAndTheCodeGrowsByLittleMoreThanTheVariants()
    {
        using var folder = new TempFolder();
        var (service, module) = (Sample.ModulePath("encrypt.reactor"), folder["call.wasm"]);
        string[] options = ["--workload", Sample.WorkloadPath("encrypt.reactor"), "--policy", "call", "--variants", "4"];
        (await MeweCommand.RunAsync(["diversify", service, "-o", module, "--save-plan", folder["plan.json"], .. options])).Exits(0);

        Assert.Contains("; inlines ", (await MeweCommand.RunAsync("inspect", module, "--json")).Exits(0).Stdout);
        (await MeweCommand.RunAsync("verify", service, module)).Exits(0);
        var (linked, contents) = (ModuleBytes.Read(module), MultivariantReader.TryRead(ModuleBytes.Read(module), out _)!);
        Assert.Contains(contents.Section.Map.Functions.SelectMany(function => function.Variants), variant => !variant.Inlined.IsNone);
        static long Bytes(IEnumerable<FunctionBody> bodies) => bodies.Sum(body => (long)body.Content.Length);
        var variants = Bytes(contents.Functions.SelectMany(function => function.Variants).SelectMany(variant => variant.Code.Outlined.Select(outlined => outlined.Code).Prepend(variant.Code.Code)).Select(code => new FunctionBody(code)));
        Assert.InRange(Bytes(linked.Bodies) - Bytes(ModuleBytes.Read(service).Bodies), variants, 1.1 * variants);

        (await MeweCommand.RunAsync(["diversify", service, "-o", folder["again.wasm"], "--plan", folder["plan.json"], .. options])).Exits(0);
        Assert.Equal(await BytesAsync(module), await BytesAsync(folder["again.wasm"]));
    }

    [Fact]
    public async Task APlanThatDoesNotFitIsRefusedWithAReasonAndNothingIsWritten()
    {
        using var folder = new TempFolder();
        (await DiversifyAsync(folder["made.wasm"], "--save-plan", folder["plan.json"], "--policy", "call")).Exits(0);

        Assert.Contains("other options", (await DiversifyAsync(folder["out.wasm"], "--plan", folder["plan.json"], "--policy", "entry")).Exits(65).Stderr);
        Assert.Contains("another module", (await MeweCommand.RunAsync("diversify", Sample.ModulePath("encrypt"), "-o", folder["out.wasm"], "--plan", folder["plan.json"])).Exits(65).Stderr);
        Assert.Contains("no plan", (await DiversifyAsync(folder["out.wasm"], "--plan", Workload)).Exits(65).Stderr);
        (await DiversifyAsync(folder["out.wasm"], "--plan", folder["missing.json"])).Exits(66);
        Assert.False(File.Exists(folder["out.wasm"]));
    }

    [Theory]
    [InlineData("\"variants\": [", "\"dispatch\": \"forced\", \"variants\": [", "changed by hand")]
    [InlineData("\"functions\": [", "\"functions\": [ { \"function\": 5, \"variants\": [] }, { \"function\": 5, \"variants\": [] },", "names a function twice")]
    [InlineData("\"variants\": [", "\"bound\": true, \"variants\": [", "is bound, and the policy is a choice on every call")]
    [InlineData("\"variants\": [", "\"variants\": [ 10, 11, 12, 13, 14,", "are the most")]
    [InlineData("\"variants\": [", "\"inlines\": [ 99999 ], \"variants\": [", "inlines a function that the module does not define")]
    public async Task APlanThatWasChangedByHandIsRefusedBeforeAnyWork(string before, string after, string reason)
    {
        using var folder = new TempFolder();
        (await DiversifyAsync(folder["made.wasm"], "--save-plan", folder["plan.json"], "--policy", "call")).Exits(0);
        var text = await File.ReadAllTextAsync(folder["plan.json"], TestContext.Current.CancellationToken);
        Assert.Contains(before, text);
        await File.WriteAllTextAsync(folder["plan.json"], text.Replace(before, after, StringComparison.Ordinal), TestContext.Current.CancellationToken);

        var refused = (await DiversifyAsync(folder["out.wasm"], "--plan", folder["plan.json"], "--policy", "call")).Exits(65);

        Assert.Contains(reason, refused.Stderr);
        Assert.DoesNotContain("candidates tested", refused.Stderr);
        Assert.False(File.Exists(folder["out.wasm"]));
    }

    [Theory]
    [InlineData("--policy", "call")]
    [InlineData("--workload", null)] // which leaves out slow variants, so that others are linked than were counted on
    public async Task TheSizeBudgetIsKept(string option, string? value)
    {
        using var folder = new TempFolder();
        const long budget = 60_000;
        Assert.Contains("leaves room for",
            (await MeweCommand.RunAsync("diversify", Service, "-o", folder["out.wasm"], "--functions", "sodium|service|malloc", option, value ?? Workload, "--size-budget", $"{budget}")).Exits(0).Stdout);
        Assert.InRange(new FileInfo(folder["out.wasm"]).Length, 30_000, budget);
    }

    private static Task<byte[]> BytesAsync(string path) => File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
}
