using Mewe.EndToEnd.Tests.Running;

namespace Mewe.EndToEnd.Tests;

/// <summary>The result is a function of the module, the options and the seed.</summary>
public sealed class ReproducibilityTests
{
    [Theory]
    [InlineData("encrypt")]
    [InlineData("bin2base64")]
    public async Task TheBytesAreTheSameAgainAndWithAnotherNumberOfThreads(string sample)
    {
        using var folder = new TempFolder();
        var first = await DiversifyAsync(folder, sample, "first.wasm", "--threads", "2");
        Assert.Equal(first, await DiversifyAsync(folder, sample, "again.wasm", "--threads", "2"));
        Assert.Equal(first, await DiversifyAsync(folder, sample, "one.wasm", "--threads", "1"));
    }

    [Fact]
    public async Task AnotherSeedGivesOtherVariants()
    {
        using var folder = new TempFolder();
        Assert.NotEqual(await DiversifyAsync(folder, "encrypt", "zero.wasm"), await DiversifyAsync(folder, "encrypt", "one.wasm", "--seed", "1"));
    }

    [Fact]
    public async Task OnlyTheChosenFunctionsAreDiversified()
    {
        using var folder = new TempFolder();
        await DiversifyAsync(folder, "encrypt", "some.wasm", "--functions", "chacha", "--exclude", "^store");
        var inspection = (await MeweCommand.RunAsync("inspect", folder["some.wasm"], "--json")).Exits(0);
        var diversified = System.Text.Json.JsonDocument.Parse(inspection.StdoutBytes).RootElement.GetProperty("functions").EnumerateArray()
            .Where(function => function.GetProperty("variants").GetArrayLength() > 0).Select(function => function.GetProperty("name").GetString()!).ToList();
        Assert.NotEmpty(diversified);
        Assert.All(diversified, name => Assert.Contains("chacha", name));
    }

    private static async Task<byte[]> DiversifyAsync(TempFolder folder, string sample, string name, params string[] options)
    {
        (await MeweCommand.RunAsync(["diversify", Sample.ModulePath(sample), "-o", folder[name], "--variants", "4", .. options])).Exits(0);
        return await File.ReadAllBytesAsync(folder[name], TestContext.Current.CancellationToken);
    }
}
