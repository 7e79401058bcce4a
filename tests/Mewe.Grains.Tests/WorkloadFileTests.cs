using System.Text;
using Mewe.Execution;

namespace Mewe.Grains.Tests;

/// <summary>Workload files as samples/README.md describes them, and what is said about files that are none.</summary>
public sealed class WorkloadFileTests
{
    [Fact]
    public void EachCommandIsARunOfItsOwn()
    {
        var file = Parse("""{"description":"two","commands":[{"args":["-v","x"],"env":["A=b"],"stdin":"é"},{"stdinBase64":"AAEC"},{}]}""");
        Assert.Equal("two", file.Description);
        var commands = file.Runs.Cast<CommandWorkload>().ToList();
        Assert.Equal(3, commands.Count);
        Assert.Equal(["-v", "x"], commands[0].Args);
        Assert.Equal(["A=b"], commands[0].Env);
        Assert.Equal("é"u8.ToArray(), commands[0].Stdin.ToArray());
        Assert.Equal([0, 1, 2], commands[1].Stdin.ToArray());
        Assert.Empty(commands[2].Args);
        Assert.Equal(0, commands[2].Stdin.Length);
    }

    [Fact]
    public void RequestsShareAnInstance()
    {
        var run = Assert.IsType<ReactorWorkload>(Assert.Single(Parse("""{"requests":[{"text":"a"},{"base64":"AAEC"},{}]}""").Runs));
        Assert.Equal(["a"u8.ToArray(), [0, 1, 2], []], run.Requests.Select(request => request.ToArray()));
    }

    [Fact]
    public void CallsShareAnInstance()
    {
        var run = Assert.IsType<ExportCallsWorkload>(Assert.Single(Parse("""{"calls":[{"export":"f","args":["i32:1"]},{"export":"g"}]}""").Runs));
        Assert.Equal(["f", "g"], run.Calls.Select(call => call.Export));
        Assert.Equal([WasmValue.I32(1)], run.Calls[0].Arguments);
        Assert.Empty(run.Calls[1].Arguments);
    }

    [Fact]
    public void AllFormsTogetherKeepTheirOrder() => Assert.Equal(
        [typeof(CommandWorkload), typeof(ReactorWorkload), typeof(ExportCallsWorkload)],
        Parse("""{"calls":[{"export":"f"}],"requests":[{}],"commands":[{}]}""").Runs.Select(run => run.GetType()));

    [Fact]
    public void CommentsAndTrailingCommasAreFine() => Assert.Single(Parse("""{ /* one */ "commands": [{},], }""").Runs);

    public static TheoryData<string, string> Arguments => new()
    {
        { "i32:1", "i32:1" },
        { "i32:-2147483648", "i32:-2147483648" },
        { "i32:4294967295", "i32:-1" },
        { "i32:0xffffffff", "i32:-1" },
        { "i64:-9223372036854775808", "i64:-9223372036854775808" },
        { "i64:18446744073709551615", "i64:-1" },
        { "i64:0x8000000000000000", "i64:-9223372036854775808" },
        { "f32:0.5", "f32:0x3f000000" },
        { "f32:-0.0", "f32:0x80000000" },
        { "f32:0x7fc00001", "f32:0x7fc00001" },
        { "f64:1e300", "f64:0x7e37e43c8800759c" },
        { "f64:0x7ff0000000000001", "f64:0x7ff0000000000001" },
        { "f64:NaN", "f64:0xfff8000000000000" },
        { "f64:Infinity", "f64:0x7ff0000000000000" },
    };

    [Theory]
    [MemberData(nameof(Arguments))]
    public void ArgumentsAreTyped(string text, string value) =>
        Assert.Equal(value, ((ExportCallsWorkload)Parse($$"""{"calls":[{"export":"f","args":["{{text}}"]}]}""").Runs[0]).Calls[0].Arguments[0].ToString());

    [Theory]
    [InlineData("null", "the file holds null")]
    [InlineData("{}", "none of \"commands\", \"requests\" and \"calls\"")]
    [InlineData("""{"commands":[]}""", "none of \"commands\", \"requests\" and \"calls\"")]
    [InlineData("""{"commands":[{"stdin":"a","stdinBase64":"YQ=="}]}""", "commands[0].stdin is given both as text and as base64")]
    [InlineData("""{"commands":[{},{"stdinBase64":"*"}]}""", "commands[1].stdin is no base64")]
    [InlineData("""{"requests":[{"text":"a","base64":"YQ=="}]}""", "requests[0] is given both as text and as base64")]
    [InlineData("""{"requests":[{"base64":"*"}]}""", "requests[0] is no base64")]
    [InlineData("""{"calls":[{}]}""", "calls[0] names no export")]
    [InlineData("""{"calls":[{"export":"f","args":["1"]}]}""", "calls[0].args[0] is \"1\"; write i32:1")]
    [InlineData("""{"calls":[{"export":"f","args":["v128:1"]}]}""", "calls[0].args[0] is \"v128:1\"; write i32:1")]
    [InlineData("""{"calls":[{"export":"f","args":["i32:1","i32:x"]}]}""", "calls[0].args[1] is \"i32:x\", which is no i32")]
    [InlineData("""{"calls":[{"export":"f","args":["i32:4294967296"]}]}""", "which is no i32")]
    [InlineData("""{"calls":[{"export":"f","args":["i32:-2147483649"]}]}""", "which is no i32")]
    [InlineData("""{"calls":[{"export":"f","args":["i64:0x10000000000000000"]}]}""", "which is no i64")]
    [InlineData("""{"calls":[{"export":"f","args":["f32:0x"]}]}""", "which is no f32")]
    [InlineData("""{"calls":[{"export":"f","args":["f64:0x11111111111111111"]}]}""", "which is no f64")]
    [InlineData("""{"commands":[{"sdtin":"a"}]}""", "sdtin")]
    [InlineData("""{"commands":{}}""", "commands")]
    [InlineData("{", "")]
    [InlineData("", "")]
    public void WhatIsWrongIsSaid(string json, string message) =>
        Assert.Contains(message, Assert.Throws<WorkloadFormatException>(() => Parse(json)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"commands":[null]}""")]
    [InlineData("""{"requests":[null]}""")]
    [InlineData("""{"calls":[null]}""")]
    [InlineData("""{"commands":[{"args":[null]}]}""")]
    [InlineData("""{"commands":[{"env":[null]}]}""")]
    [InlineData("""{"calls":[{"export":"f","args":[null]}]}""")]
    public void NullsInListsAreNoWorkload(string json) => Assert.Throws<WorkloadFormatException>(() => Parse(json));

    [Fact]
    public void ACommandWithoutAWorkloadIsRunOnce()
    {
        Assert.IsType<CommandWorkload>(Assert.Single(WorkloadFile.Default(isCommand: true).Runs));
        Assert.Empty(WorkloadFile.Default(isCommand: false).Runs);
    }

    [Fact]
    public void TheWorkloadsOfTheSamplesAreWorkloads()
    {
        var files = Directory.GetFiles(Path.Combine(ArchitectureTests.RepositoryRoot(), "samples"), "*.workload.json");
        Assert.Equal(14, files.Length);
        Assert.All(files, file => Assert.NotEmpty(WorkloadFile.Parse(File.ReadAllBytes(file)).Runs));
    }

    private static WorkloadFile Parse(string json) => WorkloadFile.Parse(Encoding.UTF8.GetBytes(json));
}
