using System.Collections.Immutable;
using System.Text;
using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Equivalence.Tests;

/// <summary>Recording tells what functions were really called with, and changes nothing.</summary>
public sealed class WorkloadRecorderTests(EngineFixture fixture)
{
    [Fact]
    public async Task Recording_changes_no_answer_and_sees_the_request()
    {
        var module = Corpus.Load("paper/encrypt.command.wasm");
        var recorder = new WorkloadRecorder(module);
        var recording = recorder.Instrument();
        var workload = new CommandWorkload { Stdin = Encoding.UTF8.GetBytes("recorded") };
        var original = await RunAsync(new ModuleRun(module.Source, workload));
        var recorded = await RunAsync(new ModuleRun(recording.Module, workload)
        {
            ReadBack = [new MemoryRange(recording.RecordExport, 0, recording.RecordBytes), new MemoryRange(recording.MemoryExport!, 0, 1 << 24)],
        });
        Assert.Equal(original.Stdout.ToArray(), recorded.Stdout.ToArray());
        Assert.Equal(original.ExitCode, recorded.ExitCode);

        var inputs = recorder.Decode([(recorded.ReadBack[0], recorded.ReadBack[1])]);
        var service = inputs.Arguments[FunctionNamed(module, "service")];
        var call = Assert.Single(service);
        var address = (int)call[0].Low;
        Assert.Equal("recorded", Encoding.UTF8.GetString(inputs.Memory.Span.Slice(address, (int)call[1].Low)));
        Assert.NotEmpty(inputs.Globals);
    }

    [Fact]
    public async Task Samples_of_many_calls_come_from_the_start_and_from_all_over_the_run()
    {
        // count(n): calls seen(n) for n = 1000 down to 1.
        var module = new WasmModule();
        var type = module.IndexOfType(FunctionType.Of([ValueType.I32], []));
        var seen = module.AddFunction(type, new FunctionBody(new FunctionCode([], [Instruction.Of(Opcode.End)])));
        var count = module.AddFunction(type, new FunctionBody(new FunctionCode([],
        [
            Instruction.Block(Opcode.Loop, BlockType.Empty),
            Instruction.LocalGet(0), Instruction.Call(seen),
            Instruction.LocalGet(0), Instruction.I32Const(1), Instruction.Of(Opcode.I32Sub), Instruction.LocalTee(0), Instruction.Of(Opcode.BrIf, 0),
            Instruction.Of(Opcode.End),
            Instruction.Of(Opcode.End),
        ])));
        module.Exports.Add(new Export("count", ExternKind.Function, count));
        module = ModuleReader.Read(ModuleWriter.Write(module));
        var recorder = new WorkloadRecorder(module);
        var recording = recorder.Instrument();
        var run = await RunAsync(new ModuleRun(recording.Module, new ExportCallsWorkload([new ExportCall("count", [WasmValue.I32(1000)])]))
        {
            ReadBack = [new MemoryRange(recording.RecordExport, 0, recording.RecordBytes)],
        });
        var inputs = recorder.Decode([(run.ReadBack[0], default)]);
        Assert.Equal([1000u, 999, 998, 997, 996, 995, 994, 993, 1000 - 256, 1000 - 512], inputs.Arguments[seen].Select(tuple => (uint)tuple[0].Low));
        Assert.Null(recording.MemoryExport);
    }

    private async Task<RunOutcome> RunAsync(ModuleRun run)
    {
        var result = (await fixture.Engine.RunAsync(run, TestContext.Current.CancellationToken)).Value;
        Assert.Null(result.Rejection);
        return result[0];
    }

    private static uint FunctionNamed(WasmModule module, string name) =>
        Wasm.Names.NameSection.Of(module, out _)!.Functions.Single(pair => pair.Value == name).Key;
}
