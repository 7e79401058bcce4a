using System.Text.Json;

namespace Mewe.EndToEnd.Tests.Running;

/// <summary>A small evaluation of a folder, done once for the tests that look at it: a service in both forms, and a module without a workload.</summary>
public sealed class SmallEvaluation : IAsyncLifetime
{
    public const int Nodes = 4, Runs = 5, Rounds = 7, Variants = 2;

    private readonly TempFolder folder = new();

    public string PagePath => folder["evaluation.html"];

    internal CommandResult Result { get; private set; } = null!;

    public JsonElement Report { get; private set; }

    public async ValueTask InitializeAsync()
    {
        var services = Directory.CreateDirectory(folder["services"]).FullName;
        foreach (var name in (string[])["invert.wasm", "invert.workload.json", "invert.reactor.wasm", "invert.reactor.workload.json"])
        {
            File.Copy(Path.Combine(Path.GetDirectoryName(Sample.ModulePath("invert"))!, name), Path.Combine(services, name));
        }

        File.Copy(Sample.ModulePath("encrypt"), Path.Combine(services, "without-workload.wasm"));
        Result = await MeweCommand.RunAsync("evaluate", services, "-o", PagePath, "--json-report", folder["evaluation.json"],
            "--nodes", $"{Nodes}", "--runs", $"{Runs}", "--rounds", $"{Rounds}", "--variants", $"{Variants}");
        Result.Exits(0);
        Report = JsonDocument.Parse(await File.ReadAllBytesAsync(folder["evaluation.json"])).RootElement;
    }

    public ValueTask DisposeAsync()
    {
        folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>The tests that share a <see cref="SmallEvaluation"/>.</summary>
[CollectionDefinition]
public sealed class SmallEvaluationCollection : ICollectionFixture<SmallEvaluation>;
