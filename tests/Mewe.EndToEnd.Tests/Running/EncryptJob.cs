using System.Text.Json;

namespace Mewe.EndToEnd.Tests.Running;

/// <summary>What a new user does first, done once for the tests that look at the result.</summary>
public sealed class EncryptJob : IAsyncLifetime
{
    private readonly TempFolder folder = new();

    public string ModulePath => folder["encrypt.mv.wasm"];

    public IReadOnlyList<string> FilesLeft => [.. folder.Names];

    internal CommandResult Result { get; private set; } = null!;

    public JsonElement Report { get; private set; }

    public async ValueTask InitializeAsync()
    {
        Result = await MeweCommand.RunAsync("diversify", Sample.ModulePath("encrypt"), "-o", ModulePath, "--workload", Sample.WorkloadPath("encrypt"), "--report", folder["report.json"]);
        Result.Exits(0);
        Report = JsonDocument.Parse(await File.ReadAllBytesAsync(folder["report.json"])).RootElement;
    }

    public ValueTask DisposeAsync()
    {
        folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
