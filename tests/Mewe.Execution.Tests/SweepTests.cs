using static Mewe.Execution.Tests.HarnessModules;
using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

public abstract class SweepTests(EngineUnderTest fixture)
{
    private static readonly byte[] Unreachable = [0x00];
    private static readonly byte[] DivideByZero = [.. I32Const(1), .. I32Const(0), 0x6d, 0x1a];
    private static readonly byte[] OutOfFuel = [.. SetOutcome(SweepOutcome.FuelExhausted), .. Unreachable];

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Subjects_that_compute_the_same_agree_on_every_input()
    {
        var result = await Sweep(Of(Multiply(3), Multiply(3), Multiply(3)), 3, 256);

        Assert.Null(result.Rejection);
        Assert.Equal(3 * 256, result.Executions);
        Assert.All(result.Subjects, subject => Assert.Equal(new SubjectReport(SubjectStatus.Agrees, 256, 0, 0, 0, null), subject));
    }

    [Fact]
    public async Task A_planted_difference_is_found_at_its_first_input_and_the_subject_is_dropped()
    {
        var result = await Sweep(Of(Multiply(3), WhenInputIs(100, Multiply(4), Multiply(3)), Multiply(3)), 3, 256);

        var planted = result.Subjects[1];
        Assert.Equal(SubjectStatus.Differs, planted.Status);
        Assert.Equal(101, planted.Compared);
        Assert.Equal(new SweepDifference(100, new SweepObservation(300, 0, TrapKind.None), new SweepObservation(400, 0, TrapKind.None)), planted.First);
        Assert.Equal(SubjectStatus.Agrees, result.Subjects[2].Status);
        Assert.Equal((2 * 256) + 101, result.Executions);
    }

    [Fact]
    public async Task Without_stopping_all_differences_are_counted_and_the_first_is_kept()
    {
        var request = new SweepRequest(Of(Multiply(3), Multiply(4)), 2, -2, 5) { StopAtFirstDifference = false };
        var result = (await fixture.Engine.SweepAsync(request, Cancellation)).Value;

        Assert.Equal(4, result.Subjects[1].Differences); // 0 * 3 == 0 * 4
        Assert.Equal(-2, result.Subjects[1].First!.Input);
        Assert.Equal(unchecked((ulong)-6), result.Subjects[1].First!.Original.Digest);
    }

    [Fact]
    public async Task Trapping_is_compared_and_the_kind_of_trap_is_only_reported()
    {
        var result = await Sweep(Of(DivideByZero, Unreachable, Multiply(0)), 3, 4);

        Assert.Equal(SubjectStatus.Agrees, result.Subjects[1].Status);
        Assert.Equal(4, result.Subjects[1].Trapped);
        Assert.Equal(SubjectStatus.Differs, result.Subjects[2].Status);
        Assert.Equal(TrapKind.IntegerDivideByZero, result.Subjects[2].First!.Original.Trap);
        Assert.Equal(TrapKind.None, result.Subjects[2].First!.Subject.Trap);
    }

    [Fact]
    public async Task What_was_observed_before_a_trap_is_compared()
    {
        var result = await Sweep(Of([.. Multiply(2), .. Unreachable], [.. Multiply(3), .. Unreachable]), 2, 4);

        Assert.Equal(1, result.Subjects[1].First!.Input);
    }

    [Fact]
    public async Task An_uncaught_exception_is_not_a_trap()
    {
        var module = new ModuleAssembler();
        var tag = module.Tag([]);
        module.Exported("subject_0", [I32], [], Unreachable).Exported("subject_1", [I32], [], [0x08, .. U(tag)])
            .Exported("digest", [], [I64], I64Const(0)).Exported("outcome", [], [I32], I32Const(0));
        var result = await Sweep(module.ToArray(), 2, 1);

        Assert.Equal(TrapKind.Exception, result.Subjects[1].First!.Subject.Trap);
    }

    [Fact]
    public async Task Inputs_on_which_the_original_runs_out_of_fuel_decide_nothing()
    {
        var result = await Sweep(Of(WhenInputIs(1, OutOfFuel, Multiply(1)), Multiply(1)), 2, 4);

        Assert.Equal((3, 1), (result.Subjects[0].Compared, result.Subjects[0].Inconclusive));
        Assert.Equal(new SubjectReport(SubjectStatus.Agrees, 3, 1, 0, 0, null), result.Subjects[1]);
    }

    [Fact]
    public async Task A_subject_that_runs_out_of_fuel_where_the_original_finishes_differs()
    {
        var result = await Sweep(Of(Multiply(1), WhenInputIs(2, OutOfFuel, Multiply(1))), 2, 4);

        Assert.Equal(2, result.Subjects[1].First!.Input);
        Assert.Equal(SweepOutcome.FuelExhausted, result.Subjects[1].First!.Subject.Outcome);
    }

    [Fact]
    public async Task An_original_that_never_finishes_leaves_its_subjects_uncompared()
    {
        var result = await Sweep(Of(OutOfFuel, Multiply(1)), 2, 4);

        Assert.All(result.Subjects, subject => Assert.Equal(SubjectStatus.NotCompared, subject.Status));
    }

    [Fact]
    public async Task Exhausting_the_stack_decides_nothing()
    {
        var module = Assemble(Multiply(0));
        var endless = module.Function([I32], [], [0x20, 0, 0x10, 3, 0x20, 0, 0x10, 3]);
        module.ExportFunction("subject_1", endless);
        var result = await Sweep(module.ToArray(), 2, 2);

        Assert.Equal(3, endless);
        Assert.Equal(new SubjectReport(SubjectStatus.NotCompared, 0, 2, 2, 0, null), result.Subjects[1]);
    }

    [Fact]
    public async Task A_trap_that_the_harness_tells_is_as_good_as_one_of_the_engine()
    {
        var told = SetOutcome(SweepOutcome.Trapped + (int)TrapKind.OutOfBoundsMemory);
        var original = await Sweep(Of(told, DivideByZero, Multiply(0)), 3, 4);
        var subject = await Sweep(Of(DivideByZero, told, SetOutcome(0)), 3, 4);

        Assert.Equal(new SubjectReport(SubjectStatus.Agrees, 4, 0, 4, 0, null), original.Subjects[1]);
        Assert.Equal(4, original.Subjects[0].Trapped);
        Assert.Equal(new SweepDifference(0, new SweepObservation(0, 0, TrapKind.OutOfBoundsMemory), new SweepObservation(0, 0, TrapKind.None)), original.Subjects[2].First);
        Assert.Equal(new SubjectReport(SubjectStatus.Agrees, 4, 0, 4, 0, null), subject.Subjects[1]);
        Assert.Equal(SubjectStatus.Differs, subject.Subjects[2].Status);
    }

    [Fact]
    public async Task Memory_is_written_before_the_first_run()
    {
        var request = new SweepRequest(Of(Multiply(1)), 1, 0, 1) { Preload = [new("coverage", 20, new byte[] { 8, 9 })], ReadBack = [new("coverage", 19, 4)] };
        var result = (await fixture.Engine.SweepAsync(request, Cancellation)).Value;

        Assert.Equal(new byte[] { 0, 8, 9, 0 }, result.ReadBack[0].ToArray());
    }

    [Fact]
    public async Task Memory_that_there_is_not_cannot_be_written()
    {
        var request = new SweepRequest(Of(Multiply(1)), 1, 0, 1) { Preload = [new("nothing", 0, new byte[] { 1 })] };
        var result = (await fixture.Engine.SweepAsync(request, Cancellation)).Value;

        Assert.Contains("nothing", result.Rejection, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Memory_is_read_back_and_cut_off_at_its_end()
    {
        byte[] mark = [0x20, 0, .. I32Const(7), 0x3a, 0, 16]; // i32.store8 offset=16 (input) 7
        var request = new SweepRequest(Of(mark), 1, 0, 3) { ReadBack = [new("coverage", 15, 5), new("coverage", 65534, 10), new("nothing", 0, 1)] };
        var result = (await fixture.Engine.SweepAsync(request, Cancellation)).Value;

        Assert.Equal(new byte[] { 0, 7, 7, 7, 0 }, result.ReadBack[0].ToArray());
        Assert.Equal(2, result.ReadBack[1].Length);
        Assert.Equal(0, result.ReadBack[2].Length);
    }

    [Fact]
    public async Task Digests_are_kept_per_subject_and_input_when_asked()
    {
        var request = new SweepRequest(Of(Multiply(2), Multiply(5)), 2, 1, 3) { KeepDigests = true, StopAtFirstDifference = false };
        var result = (await fixture.Engine.SweepAsync(request, Cancellation)).Value;

        Assert.Equal(new ulong[] { 2, 4, 6, 5, 10, 15 }, result.Digests);
    }

    [Fact]
    public async Task A_harness_that_cannot_run_is_rejected_with_a_reason()
    {
        Assert.Contains("magic", (await Sweep([1, 2, 3, 4], 1, 1)).Rejection);
        Assert.Contains("subject_1", (await Sweep(Of(Multiply(1)), 2, 1)).Rejection);
        var trapsAtStart = Assemble(Multiply(1));
        trapsAtStart.Start(trapsAtStart.Function([], [], Unreachable));
        Assert.Contains("unreachable", (await Sweep(trapsAtStart.ToArray(), 1, 1)).Rejection);
    }

    [Fact]
    public async Task Subjects_of_the_wrong_type_are_rejected_and_do_not_agree_by_trapping_alike()
    {
        var module = new ModuleAssembler();
        module.Exported("subject_0", [I64], [], []).Exported("subject_1", [I64], [], [])
            .Exported("digest", [], [I64], I64Const(0)).Exported("outcome", [], [I32], I32Const(0));
        Assert.Contains("\"subject_0\" has the wrong type", (await Sweep(module.ToArray(), 2, 1)).Rejection);
        var digests32Bits = new ModuleAssembler().Exported("subject_0", [I32], [], []).Exported("digest", [], [I32], I32Const(0)).Exported("outcome", [], [I32], I32Const(0));
        Assert.Contains("\"digest\" has the wrong type", (await Sweep(digests32Bits.ToArray(), 1, 1)).Rejection);
    }

    [Fact]
    public async Task A_digest_that_traps_is_rejected()
    {
        var module = new ModuleAssembler().Exported("subject_0", [I32], [], []).Exported("digest", [], [I64], Unreachable).Exported("outcome", [], [I32], I32Const(0));

        Assert.Contains("unreachable", (await Sweep(module.ToArray(), 1, 1)).Rejection);
    }

    [Fact]
    public async Task Sweeps_of_one_worker_do_not_see_each_other()
    {
        await Sweep(Of(Multiply(1), OutOfFuel, Unreachable, Multiply(2)), 4, 9);
        var result = await Sweep(Of(Multiply(1), Multiply(1)), 2, 9);

        Assert.All(result.Subjects, subject => Assert.Equal(new SubjectReport(SubjectStatus.Agrees, 9, 0, 0, 0, null), subject));
    }

    [Fact]
    public async Task Many_sweeps_at_once_each_get_their_own_answer()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 64).Select(async factor =>
            (factor, result: (await fixture.Engine.SweepAsync(
                new SweepRequest(Of(Multiply(1), Multiply(factor)), 2, 1, 1), Cancellation)).Value)));

        Assert.All(results, r => Assert.Equal(r.factor == 1 ? 1UL : (ulong)r.factor, r.result.Subjects[1].First?.Subject.Digest ?? 1));
    }

    private async Task<SweepResult> Sweep(byte[] harness, int subjects, int inputs) =>
        (await fixture.Engine.SweepAsync(new SweepRequest(harness, subjects, 0, inputs), Cancellation)).Value;
}

public sealed class SweepTestsOnV8(V8 engine) : SweepTests(engine);

public sealed class SweepTestsOnWasmtime(InProcess engine) : SweepTests(engine);
