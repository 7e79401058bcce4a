using System.Collections.Immutable;
using System.Text.Json;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Wasm;

namespace Mewe.EndToEnd.Tests;

/// <summary><c>mewe run</c>, on originals, on multivariant modules and on programs made for it.</summary>
public sealed class RunTests
{
    [Fact]
    public async Task AMultivariantServicePrintsWhatTheOriginalPrints()
    {
        using var folder = new TempFolder();
        var request = folder.Write("request.txt", "The quick brown fox"u8);
        (await MeweCommand.RunAsync("diversify", Sample.ModulePath("encrypt"), "-o", folder["mv.wasm"], "--variants", "4")).Exits(0);
        var original = (await MeweCommand.RunAsync("run", Sample.ModulePath("encrypt"), "--stdin", request)).Exits(0);
        var multivariant = (await MeweCommand.RunAsync("run", folder["mv.wasm"], "--stdin", request)).Exits(0);
        Assert.NotEmpty(original.StdoutBytes);
        Assert.Equal(original.StdoutBytes, multivariant.StdoutBytes);

        var traced = (await MeweCommand.RunAsync("run", folder["mv.wasm"], "--stdin", request, "--runs", "20", "--seed", "1", "--trace", folder["trace.jsonl"])).Exits(0);
        Assert.Equal(original.StdoutBytes, traced.StdoutBytes);
        var lines = (await File.ReadAllLinesAsync(folder["trace.jsonl"], TestContext.Current.CancellationToken)).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(Enumerable.Range(0, 20), lines.Select(line => line.GetProperty("run").GetInt32()));
        Assert.Equal(Enumerable.Range(1, 20).Select(seed => (ulong)seed), lines.Select(line => line.GetProperty("seed").GetUInt64()));
        Assert.Equal(20, lines.Select(line => line.GetProperty("choices").GetRawText()).Distinct().Count());
        Assert.All(lines, line => Assert.True(line.GetProperty("total").GetUInt64() > 0));

        var again = (await MeweCommand.RunAsync("run", folder["mv.wasm"], "--stdin", request, "--seed", "5", "--trace", folder["again.jsonl"])).Exits(0);
        Assert.Equal(original.StdoutBytes, again.StdoutBytes);
        var choices = JsonDocument.Parse(await File.ReadAllBytesAsync(folder["again.jsonl"], TestContext.Current.CancellationToken)).RootElement.GetProperty("choices").GetRawText();
        Assert.Equal(lines[4].GetProperty("choices").GetRawText(), choices);
    }

    [Fact]
    public async Task ATraceOfAModuleThatIsNotMultivariantIsRefused()
    {
        using var folder = new TempFolder();
        (await MeweCommand.RunAsync("run", Sample.ModulePath("encrypt"), "--trace", folder["trace.jsonl"])).Exits(65);
        Assert.Empty(folder.Names);
    }

    [Fact]
    public async Task JsonCountsTheAnswers()
    {
        var result = JsonDocument.Parse((await MeweCommand.RunAsync("run", Sample.ModulePath("random"), "--runs", "5", "--json")).Exits(0).StdoutBytes).RootElement;
        Assert.Equal(5, result.GetProperty("runs").GetInt32());
        Assert.Equal(5, result.GetProperty("answers").EnumerateArray().Sum(answer => answer.GetProperty("runs").GetInt32()));
        Assert.Equal(5, result.GetProperty("answers").GetArrayLength());
    }

    [Fact]
    public async Task TheExitCodeIsTheProgramsAndItsArgumentsFollowTwoDashes()
    {
        using var folder = new TempFolder();
        var counter = folder.Write("counter.wasm", ModuleBytes.WriteValid(ArgumentCounter()));
        (await MeweCommand.RunAsync("run", counter)).Exits(1);
        (await MeweCommand.RunAsync("run", counter, "--", "a", "--runs", "3", "b")).Exits(5);
    }

    [Fact]
    public async Task ATrapIsSaidAndIsANo()
    {
        using var folder = new TempFolder();
        var module = new WasmModule();
        var start = module.AddFunction(module.IndexOfType(FunctionType.Of([], [])), new FunctionBody(new FunctionCode([], [Instruction.Of(Opcode.Unreachable), Instruction.Of(Opcode.End)])));
        module.Exports.Add(new Export("_start", ExternKind.Function, start));
        var result = (await MeweCommand.RunAsync("run", folder.Write("trap.wasm", ModuleBytes.WriteValid(module)))).Exits(1);
        Assert.Contains("mewe: trapped: ", result.Stderr);
    }

    [Fact]
    public async Task AModuleWithNothingToRunIsRefused()
    {
        using var folder = new TempFolder();
        (await MeweCommand.RunAsync("run", folder.Write("nothing.wasm", ModuleBytes.WriteValid(new WasmModule())))).Exits(65);
    }

    /// <summary>A command that exits with the number of its arguments, its own name included.</summary>
    private static WasmModule ArgumentCounter()
    {
        var module = new WasmModule();
        module.Imports.Add(new Import("wasi_snapshot_preview1", "args_sizes_get", new FunctionExtern(module.IndexOfType(FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32])))));
        module.Imports.Add(new Import("wasi_snapshot_preview1", "proc_exit", new FunctionExtern(module.IndexOfType(FunctionType.Of([ValueType.I32], [])))));
        module.Memories.Add(new MemoryType(new SizeLimits(1, null)));
        module.Exports.Add(new Export("memory", ExternKind.Memory, 0));
        ImmutableArray<Instruction> code =
        [
            Instruction.I32Const(0), Instruction.I32Const(4), Instruction.Call(0), Instruction.Of(Opcode.Drop),
            Instruction.I32Const(0), Instruction.Memory(Opcode.I32Load, 0, 2), Instruction.Call(1), Instruction.Of(Opcode.End),
        ];
        module.Exports.Add(new Export("_start", ExternKind.Function, module.AddFunction(module.IndexOfType(FunctionType.Of([], [])), new FunctionBody(new FunctionCode([], code)))));
        return module;
    }
}
