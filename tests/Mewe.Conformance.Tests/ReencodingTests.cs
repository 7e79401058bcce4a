using Mewe.Conformance.Tests.Oracle;
using Mewe.Conformance.Tests.Suite;

namespace Mewe.Conformance.Tests;

public abstract class ReencodingTests(EngineFixture fixture, ITestOutputHelper output)
{
    [Fact]
    public async Task Modules_that_were_read_and_written_again_get_the_same_verdicts()
    {
        var (suite, originals) = (SpecSuite.Require(), await fixture.OriginalsAsync(SpecSuite.Require()));
        var counts = new FormCounts();

        var run = await SuiteRun.RunAsync(fixture.Engine, suite, counts.Count(Reencoding.Untouched), TestContext.Current.CancellationToken);

        output.WriteLine(counts.ToString());
        Assert.Equal(0, counts.Changed);
        Assert.Equal(0, counts.Unreadable);
        output.AssertSame(run, originals);
    }

    [Fact]
    public async Task Modules_whose_every_section_and_body_was_encoded_again_get_the_same_verdicts()
    {
        var (suite, originals) = (SpecSuite.Require(), await fixture.OriginalsAsync(SpecSuite.Require()));
        var counts = new FormCounts();

        var run = await SuiteRun.RunAsync(fixture.Engine, suite, counts.Count(Reencoding.FromModel), TestContext.Current.CancellationToken);

        output.WriteLine(counts.ToString());
        Assert.Equal(0, counts.Unreadable);
        output.AssertSame(run, originals);
    }
}

[Collection(EngineFixture.OneAfterTheOther)]
public sealed class ReencodingTestsOnV8(V8 engine, ITestOutputHelper output) : ReencodingTests(engine, output);

[Collection(EngineFixture.OneAfterTheOther)]
public sealed class ReencodingTestsOnWasmtime(InProcess engine, ITestOutputHelper output) : ReencodingTests(engine, output);
