using static Mewe.Execution.Tests.HarnessModules;
using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

public abstract class SweepLibraryTests(EngineUnderTest fixture)
{
    // add (i64) -> i64 adds to the sum so far, which starts at 0; forget () -> () makes it 0 again.
    private static readonly SweepLibrary Adder = new(AdderModule());

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Harnesses_call_what_their_library_exports()
    {
        var result = await Sweep(Adding([1, 2], release: true), Adder, 2);

        Assert.Null(result.Rejection);
        // The sum goes on from subject to subject: 1, 3, 4, 6.
        Assert.Equal([1UL, 4UL, 3UL, 6UL], result.Digests);
    }

    [Fact]
    public async Task A_library_starts_anew_for_every_harness()
    {
        foreach (var release in new[] { false, true, true, false, true })
        {
            Assert.Equal([1UL, 4UL, 3UL, 6UL], (await Sweep(Adding([1, 2], release), Adder, 2)).Digests);
        }
    }

    [Fact]
    public async Task A_library_that_could_not_be_released_is_not_used_again()
    {
        await Sweep(Adding([1, 2], release: true, releaseTraps: true), Adder, 2);

        Assert.Equal([1UL, 4UL, 3UL, 6UL], (await Sweep(Adding([1, 2], release: true), Adder, 2)).Digests);
    }

    [Fact]
    public async Task Many_libraries_are_told_apart()
    {
        for (var i = 0; i < 40; i++)
        {
            var factor = (i % 20) + 1;
            var module = new ModuleAssembler().Exported("add", [I64], [I64], [0x20, 0, .. I64Const(factor), 0x7e]);
            Assert.Equal([(ulong)(7 * factor)], (await Sweep(Adding([7], release: false), new SweepLibrary(module.ToArray()), 1)).Digests);
        }
    }

    [Fact]
    public async Task What_a_library_lacks_is_a_reason_to_reject_the_harness()
    {
        Assert.Contains("add", (await Sweep(Adding([1], release: false), new SweepLibrary(new ModuleAssembler().ToArray()), 1)).Rejection, StringComparison.Ordinal);
        Assert.NotNull((await Sweep(Adding([1], release: false), null, 1)).Rejection);
        Assert.NotNull((await Sweep(Adding([1], release: false), new SweepLibrary(new byte[] { 1, 2, 3 }), 1)).Rejection);

        // And none of it stays.
        Assert.Equal([1UL, 4UL, 3UL, 6UL], (await Sweep(Adding([1, 2], release: true), Adder, 2)).Digests);
    }

    private async Task<SweepResult> Sweep(byte[] harness, SweepLibrary? library, int subjects) =>
        (await fixture.Engine.SweepAsync(new SweepRequest(harness, subjects, 0, subjects) { Library = library, KeepDigests = true, StopAtFirstDifference = false }, Cancellation)).Value;

    private static byte[] AdderModule()
    {
        var module = new ModuleAssembler();
        module.Global(I64, true, I64Const(0));
        return module.Exported("add", [I64], [I64], [0x23, 0, 0x20, 0, 0x7c, 0x24, 0, 0x23, 0]).Exported("forget", [], [], [.. I64Const(0), 0x24, 0]).ToArray();
    }

    // Each subject observes what `add` makes of its number.
    private static byte[] Adding(long[] numbers, bool release, bool releaseTraps = false)
    {
        var module = new ModuleAssembler();
        var add = module.ImportFunction(SweepLibrary.ImportName, "add", [I64], [I64]);
        var forget = release ? module.ImportFunction(SweepLibrary.ImportName, "forget", [], []) : 0;
        module.Global(I64, true, I64Const(0));
        for (var k = 0; k < numbers.Length; k++)
        {
            module.Exported($"subject_{k}", [I32], [], [.. I64Const(numbers[k]), 0x10, .. U(add), .. Observe]);
        }

        if (release)
        {
            module.Exported("release", [], [], releaseTraps ? [0x00] : [0x10, .. U(forget)]);
        }

        return module.Exported("digest", [], [I64], [0x23, 0]).Exported("outcome", [], [I32], I32Const(0)).ToArray();
    }
}

public sealed class SweepLibraryTestsOnV8(V8 engine) : SweepLibraryTests(engine);

public sealed class SweepLibraryTestsOnWasmtime(InProcess engine) : SweepLibraryTests(engine);
