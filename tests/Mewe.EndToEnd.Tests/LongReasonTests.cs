using System.Text.Json;
using Mewe.EndToEnd.Tests.Running;

namespace Mewe.EndToEnd.Tests;

public sealed class LongReasonTests
{
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
}
