using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Wasm;

namespace Mewe.EndToEnd.Tests;

/// <summary><c>mewe evaluate</c>: what it finds, what it measures, and what it leaves where it cannot.</summary>
[Collection<SmallEvaluationCollection>]
public sealed class EvaluateTests(SmallEvaluation evaluation)
{
    private static readonly string[] Policies = ["auto", "call", "entry", "instance", "mewe-style"];

    private JsonElement Endpoint => Assert.Single(evaluation.Report.GetProperty("endpoints").EnumerateArray().ToList());

    private JsonElement Form(string policy) => Endpoint.GetProperty("forms").EnumerateArray().Single(form => form.GetProperty("policy").GetString() == policy);

    private JsonElement Diversity(string policy) => Form(policy).GetProperty("traces").GetProperty("diversity");

    [Fact]
    public void TheReactorStandsForAServiceThatIsThereInBothFormsAndModulesWithoutWorkloadsAreNotServices()
    {
        Assert.Equal("invert", Endpoint.GetProperty("name").GetString());
        Assert.Equal("invert.reactor.wasm", Endpoint.GetProperty("file").GetString());
        Assert.Equal("reactor", Endpoint.GetProperty("form").GetString());
        Assert.Contains("the reactors are evaluated", evaluation.Result.Stderr);
    }

    [Fact]
    public void EveryPolicyIsThereWithTheTimeOfEveryRound()
    {
        Assert.Equal(Policies, evaluation.Report.GetProperty("policies").EnumerateArray().Select(policy => policy.GetProperty("name").GetString()));
        Assert.Equal(Policies, Endpoint.GetProperty("forms").EnumerateArray().Select(form => form.GetProperty("policy").GetString()));
        foreach (var policy in Policies)
        {
            var time = Form(policy).GetProperty("time");
            Assert.Equal(SmallEvaluation.Rounds, time.GetProperty("nanoseconds").GetArrayLength());
            Assert.All(time.GetProperty("nanoseconds").EnumerateArray(), nanoseconds => Assert.True(nanoseconds.GetDouble() > 0));
            Assert.InRange(time.GetProperty("test").GetProperty("pValue").GetDouble(), 0, 1);
        }

        Assert.Equal(1, Endpoint.GetProperty("original").GetProperty("time").GetProperty("slowdown").GetDouble());
    }

    [Fact]
    public void TheOriginalDoesTheSameEveryTimeAndFreshChoicesNever()
    {
        Assert.Equal(0, Endpoint.GetProperty("original").GetProperty("traces").GetProperty("diversity").GetProperty("entropy").GetDouble());
        Assert.Equal(1, Diversity("call").GetProperty("entropy").GetDouble());
        Assert.Equal(1, Diversity("call").GetProperty("minimumUniqueRatio").GetDouble());
        Assert.Equal(SmallEvaluation.Nodes * SmallEvaluation.Runs, Diversity("call").GetProperty("distinct").GetInt32());

        // Few functions have a choice of three each, so that some entries choose alike.
        Assert.InRange(Diversity("entry").GetProperty("entropy").GetDouble(), 0.9, 1);
    }

    [Fact]
    public void AnInstanceThatChoosesOnceDiffersFromOthersAndNotFromItself()
    {
        Assert.Equal(1.0 / SmallEvaluation.Runs, Diversity("instance").GetProperty("medianUniqueRatio").GetDouble());
        Assert.Equal(SmallEvaluation.Nodes, Diversity("instance").GetProperty("distinct").GetInt32());
    }

    [Fact]
    public void TheLengthOfATraceIsThatOfTheOriginalLessWhatIsInlinedWhereThePolicyIsTheSameForAllFunctions()
    {
        double LengthOf(JsonElement form) => form.GetProperty("traces").GetProperty("medianLength").GetDouble();
        var length = LengthOf(Endpoint.GetProperty("original"));
        Assert.True(length > 100);
        Assert.Equal(length, LengthOf(Form("auto")));

        // A body that stands in its caller's is no call. Which calls these are depends on how long the variants are, and so on what was measured; it is the same under the three.
        var others = Assert.Single(((string[])["call", "entry", "instance"]).Select(policy => LengthOf(Form(policy))).Distinct());
        Assert.InRange(others, length - 10, length - 1);
    }

    [Fact]
    public void StaticPathsAndThePapersFiguresAreBesideOurs()
    {
        var original = System.Numerics.BigInteger.Parse(Endpoint.GetProperty("originalPaths").GetString()!);
        var multivariant = System.Numerics.BigInteger.Parse(Endpoint.GetProperty("multivariantPaths").GetString()!);
        Assert.True(original > 0 && multivariant > original * (1 + SmallEvaluation.Variants));
        Assert.Equal(2.9, Endpoint.GetProperty("paper").GetProperty("slowdown").GetDouble());
    }

    [Fact]
    public void ATableIsPrinted()
    {
        var row = Assert.Single(evaluation.Result.Stdout.Split('\n'), line => line.TrimStart().StartsWith("invert ", StringComparison.Ordinal));
        Assert.Contains(" 0.870 ", row);
        Assert.Contains("tracing: entry", evaluation.Result.Stderr);
    }

    [Fact]
    public async Task ListsOfCallsAreRunsAsWell()
    {
        using var folder = new TempFolder();
        var module = folder.Write("adder.wasm", ModuleBytes.WriteValid(Adder()));
        folder.Write("adder.workload.json", """{ "calls": [ { "export": "twice", "args": ["i32:3"] }, { "export": "add", "args": ["i32:1", "i32:2"] } ] }"""u8);

        var result = await MeweCommand.RunAsync("evaluate", module, "-o", folder["out.html"], "--json", "--nodes", "3", "--runs", "4", "--rounds", "3", "--policies", "entry,call", "--variants", "8");

        var report = JsonDocument.Parse(result.Exits(0).StdoutBytes).RootElement;
        var endpoint = Assert.Single(report.GetProperty("endpoints").EnumerateArray().ToList());
        Assert.Equal("calls", endpoint.GetProperty("form").GetString());
        Assert.Equal(["entry", "call"], report.GetProperty("policies").EnumerateArray().Select(policy => policy.GetProperty("name").GetString()));
        Assert.Equal("2", endpoint.GetProperty("originalPaths").GetString());
        Assert.Equal(3, endpoint.GetProperty("original").GetProperty("traces").GetProperty("medianLength").GetDouble());
        Assert.Equal(JsonValueKind.Null, endpoint.GetProperty("paper").ValueKind);
        Assert.Contains("out.html", folder.Names);
    }

    [Fact]
    public async Task WhatCannotBeEvaluatedIsRefusedBeforeAnythingIsDone()
    {
        using var folder = new TempFolder();
        var empty = Directory.CreateDirectory(folder["empty"]).FullName;
        var library = folder.Write("library.wasm", ModuleBytes.WriteValid(Adder()));
        var broken = folder.Write("broken.wasm", "no module"u8);

        (await MeweCommand.RunAsync("evaluate", empty, "-o", folder["out.html"])).Exits(66);
        (await MeweCommand.RunAsync("evaluate", folder["missing"], "-o", folder["out.html"])).Exits(66);
        (await MeweCommand.RunAsync("evaluate", library, "-o", folder["out.html"])).Exits(66);
        (await MeweCommand.RunAsync("evaluate", broken, "-o", folder["out.html"])).Exits(65);
        (await MeweCommand.RunAsync("evaluate", library, "-o", folder["no/such/out.html"])).Exits(73);
        (await MeweCommand.RunAsync("evaluate", library, "--policies", "call,often")).Exits(64);
        (await MeweCommand.RunAsync("evaluate", library, "--policies", "call,call")).Exits(64);
        (await MeweCommand.RunAsync("evaluate", library, "--nodes", "0")).Exits(64);

        Assert.Equal(["broken.wasm", "empty", "library.wasm"], folder.Names);
    }

    [Fact]
    public async Task CtrlCLeavesNothing()
    {
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        abort.CancelAfter(TimeSpan.FromMinutes(5));
        using var folder = new TempFolder();
        using var process = MeweCommand.Start(new ProcessStartInfo(MeweCommand.Path, ["evaluate", Sample.ModulePath("invert.reactor"), "-o", folder["out.html"], "--variants", "1", "--nodes", "10000", "--policies", "call"]));
        try
        {
            while (await process.StandardError.ReadLineAsync(abort.Token) is { } line && !line.Contains("tracing: call", StringComparison.Ordinal))
            {
            }

            ProcessTree.Interrupt(process);
            await process.WaitForExitAsync(abort.Token);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }

        Assert.Equal(130, process.ExitCode);
        Assert.Empty(folder.Names);
    }

    /// <summary>Exports add, and twice, which calls it.</summary>
    private static WasmModule Adder()
    {
        var module = new WasmModule();
        var add = Function([ValueType.I32, ValueType.I32], [Instruction.Of(Opcode.LocalGet, 0), Instruction.Of(Opcode.LocalGet, 1), Instruction.Of(Opcode.I32Add)], "add");
        Function([ValueType.I32], [Instruction.Of(Opcode.LocalGet, 0), Instruction.Of(Opcode.LocalGet, 0), Instruction.Call(add)], "twice");
        return module;

        uint Function(ValueType[] parameters, ImmutableArray<Instruction> code, string name)
        {
            var index = module.AddFunction(module.IndexOfType(FunctionType.Of(parameters, [ValueType.I32])), new FunctionBody(new FunctionCode([], [.. code, Instruction.Of(Opcode.End)])));
            module.Exports.Add(new Export(name, ExternKind.Function, index));
            return index;
        }
    }
}
