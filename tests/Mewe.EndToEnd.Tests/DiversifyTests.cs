using System.Security.Cryptography;
using System.Text.Json;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Execution;
using Mewe.Wasm.Validation;

namespace Mewe.EndToEnd.Tests;

/// <summary><c>mewe diversify samples/encrypt.wasm -o encrypt.mv.wasm</c>, and what it leaves behind.</summary>
public sealed class DiversifyTests(EncryptJob job, EngineFixture fixture) : IClassFixture<EncryptJob>
{
    private static readonly string[] FunctionProperties = ["index", "name", "imported", "exports", "instructions", "policy", "reason", "variants"];

    private static readonly string[] VariantProperties = ["index", "name", "instructions", "transforms", "evidence"];

    [Fact]
    public void TheOutputsAreTheOnlyFilesLeft() => Assert.Equal(["encrypt.mv.wasm", "report.json"], job.FilesLeft);

    [Fact]
    public void TheSummarySaysWhatWasDoneAndWhatItProtectsAgainst()
    {
        var summary = job.Result.Stdout;
        Assert.Contains("variants of", summary);
        Assert.Contains("refuted", summary);
        Assert.Contains("compared", summary);
        Assert.Contains("auto: ", summary);
        Assert.Contains("wasi: ", summary);
        Assert.Contains("of processor time", summary);
        Assert.DoesNotContain("mewe:", job.Result.Stderr);
    }

    [Fact]
    public async Task TheModuleIsValidHereAndInV8()
    {
        var bytes = await File.ReadAllBytesAsync(job.ModulePath, TestContext.Current.CancellationToken);
        Assert.Null(ModuleValidator.Validate(ModuleBytes.Read(bytes), TestContext.Current.CancellationToken));
        Assert.Equal(new EngineValidation(true, null), (await fixture.Engine.ValidateAsync(bytes, TestContext.Current.CancellationToken)).Value);
    }

    [Fact]
    public void NineOfTenFunctionsWithEightInstructionsHaveEightVariantsAndTheOthersSayWhyNot()
    {
        var functions = job.Report.GetProperty("functions").EnumerateArray().Where(function => function.GetProperty("instructions").GetInt32() >= 8).ToList();
        var enough = functions.Count(function => function.GetProperty("variants").GetArrayLength() >= 8);
        Assert.True(enough >= 0.9 * functions.Count, $"{enough} of {functions.Count}");
        Assert.All(functions.Where(function => function.GetProperty("variants").GetArrayLength() < 16), function => Assert.False(string.IsNullOrEmpty(function.GetProperty("reason").GetString())));
        var totals = job.Report.GetProperty("totals");
        Assert.Equal((functions.Count, enough), (totals.GetProperty("eligible").GetInt32(), totals.GetProperty("eligibleWithEight").GetInt32()));
    }

    [Fact]
    public void TheReportAddsUp()
    {
        var totals = job.Report.GetProperty("totals");
        var functions = job.Report.GetProperty("functions").EnumerateArray().ToList();
        Assert.Equal(functions.Count, totals.GetProperty("functions").GetInt32());
        Assert.Equal(functions.Sum(function => function.GetProperty("variants").GetArrayLength()), totals.GetProperty("variants").GetInt32());
        Assert.Equal(functions.Sum(function => function.GetProperty("tested").GetInt64()), totals.GetProperty("tested").GetInt64());
        Assert.Equal(Sha256(Sample.ModulePath("encrypt")), job.Report.GetProperty("sourceSha256").GetString());
        Assert.Equal(Sha256(job.ModulePath), job.Report.GetProperty("moduleSha256").GetString());
        Assert.True(totals.GetProperty("cpuSeconds").GetDouble() > 0);
        Assert.True(job.Report.GetProperty("check").GetProperty("runs").GetInt32() > 0);
    }

    [Fact]
    public void NoCandidateWasInvalidAndNoneRefuted()
    {
        // Transforms are equivalent by construction: one candidate that is not is a defect, even though it was not linked.
        var totals = job.Report.GetProperty("totals");
        Assert.Equal((0L, 0L), (totals.GetProperty("invalid").GetInt64(), totals.GetProperty("refuted").GetInt64()));
    }

    [Fact]
    public async Task InspectGivesTheDocumentedJson()
    {
        var inspection = JsonDocument.Parse((await MeweCommand.RunAsync("inspect", job.ModulePath, "--json")).Exits(0).StdoutBytes).RootElement;
        Assert.Equal(Sha256(job.ModulePath), inspection.GetProperty("sha256").GetString());
        Assert.Equal(new FileInfo(job.ModulePath).Length, inspection.GetProperty("bytes").GetInt64());
        Assert.Equal(JsonValueKind.Array, inspection.GetProperty("features").ValueKind);
        Assert.NotEmpty(inspection.GetProperty("sections").EnumerateArray());
        var source = inspection.GetProperty("source");
        Assert.Equal(Sha256(Sample.ModulePath("encrypt")), source.GetProperty("sha256").GetString());
        Assert.Equal(0UL, source.GetProperty("seed").GetUInt64());
        Assert.Contains("variants=16", source.GetProperty("options").GetString());
        var module = ModuleBytes.Read(job.ModulePath);
        var start = module.Exports.Single(export => export.Name == "_start").Index;
        var functions = inspection.GetProperty("functions").EnumerateArray().ToList();
        foreach (var function in functions)
        {
            Assert.All(FunctionProperties, property => Assert.True(function.TryGetProperty(property, out _), property));
            foreach (var variant in function.GetProperty("variants").EnumerateArray())
            {
                Assert.All(VariantProperties, property => Assert.True(variant.TryGetProperty(property, out _), property));
                Assert.Contains(variant.GetProperty("evidence").GetString(), new[] { "tested", "proved" });
                Assert.NotEmpty(variant.GetProperty("transforms").EnumerateArray());
                var body = module.Bodies[variant.GetProperty("index").GetInt32() - module.ImportedFunctionCount];
                Assert.True(variant.GetProperty("instructions").GetInt32() >= body.Decode().Instructions.Length);
            }

            var hasDispatcher = function.GetProperty("variants").GetArrayLength() > 0;
            Assert.Matches(hasDispatcher ? "^(bound, )?(call|direct|every [0-9]+ calls)(, inlined|, by comparisons)?$" : "^$", function.GetProperty("policy").GetString() ?? "");
            Assert.False(function.GetProperty("imported").GetBoolean() && hasDispatcher);
        }

        Assert.Equal(["_start"], functions.Single(function => function.GetProperty("index").GetUInt32() == start).GetProperty("exports").EnumerateArray().Select(e => e.GetString()));
    }

    [Fact]
    public async Task InspectOfAPlainModuleNamesNoSource()
    {
        var inspection = JsonDocument.Parse((await MeweCommand.RunAsync("inspect", Sample.ModulePath("encrypt"), "--json")).Exits(0).StdoutBytes).RootElement;
        Assert.Equal(JsonValueKind.Null, inspection.GetProperty("source").ValueKind);
        Assert.All(inspection.GetProperty("functions").EnumerateArray(), function =>
        {
            Assert.All(FunctionProperties, property => Assert.True(function.TryGetProperty(property, out _), property));
            Assert.Equal(0, function.GetProperty("variants").GetArrayLength());
            Assert.Equal(JsonValueKind.Null, function.GetProperty("policy").ValueKind);
        });
    }

    [Fact]
    public async Task ShowPrintsAVariantAndItsDifference()
    {
        var function = job.Report.GetProperty("functions").EnumerateArray().First(f => f.GetProperty("variants").GetArrayLength() > 1).GetProperty("name").GetString()!;
        var original = (await MeweCommand.RunAsync("show", job.ModulePath, function, "--variant", "0")).Exits(0).Stdout;
        var variant = (await MeweCommand.RunAsync("show", job.ModulePath, function, "--variant", "1")).Exits(0).Stdout;
        var difference = (await MeweCommand.RunAsync("show", job.ModulePath, function, "--variant", "1", "--diff")).Exits(0).Stdout;
        Assert.Contains("(func", original);
        Assert.Contains("(func", variant);
        Assert.NotEqual(original, variant);
        Assert.Contains(difference.Split('\n'), line => line.StartsWith('+'));
        Assert.Contains(difference.Split('\n'), line => line.StartsWith('-'));
        Assert.All(difference.TrimEnd().Split('\n'), line => Assert.Matches("^(;; |[+-] |  )", line));
        (await MeweCommand.RunAsync("show", job.ModulePath, "no such function")).Exits(64);
        (await MeweCommand.RunAsync("show", job.ModulePath, function, "--variant", "1000")).Exits(64);
    }

    [Fact]
    public async Task InspectNamesEveryFunctionInALineOfItsOwn()
    {
        var lines = (await MeweCommand.RunAsync("inspect", job.ModulePath)).Exits(0).Stdout.Split('\n');
        var names = job.Report.GetProperty("functions").EnumerateArray().Select(function => function.GetProperty("name").GetString()!);
        Assert.All(names, name => Assert.Contains(lines, line => line.Contains(name, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task VerifyAgreesFromTheTwoFilesAlone()
    {
        var result = (await MeweCommand.RunAsync("verify", Sample.ModulePath("encrypt"), job.ModulePath)).Exits(0);
        Assert.Contains("verified: ", result.Stdout);
        Assert.DoesNotContain("NOT", result.Stdout);
    }

    private static string Sha256(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
