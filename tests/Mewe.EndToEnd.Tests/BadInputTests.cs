using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Wasm;

namespace Mewe.EndToEnd.Tests;

/// <summary>Whatever is wrong with the input: an exit code, one line that says what and where, and nothing left behind.</summary>
public sealed class BadInputTests
{
    private static readonly byte[] Header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

    private static readonly Dictionary<string, Func<byte[]>> BadModules = new()
    {
        ["empty"] = () => [],
        ["text"] = () => "(module)"u8.ToArray(),
        ["half a header"] = () => Header[..6],
        ["a component"] = () => [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0],
        ["truncated behind the header"] = () => Truncated(10),
        ["truncated in the code"] = () => Truncated(9_000),
        ["truncated by one byte"] = () => Truncated(-1),
        ["random bytes"] = () => RandomBytes(4096),
        ["random bytes behind a header"] = () => [.. Header, .. RandomBytes(4096)],
        ["a section of four gigabytes"] = () => [.. Header, 10, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
        ["a number that is too long"] = () => [.. Header, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
        ["a billion types"] = () => [.. Header, 1, 5, 0x80, 0x94, 0xEB, 0xDC, 0x03],
        ["a body that is not valid"] = () => OneFunction([Instruction.Of(Opcode.I32Add), Instruction.Of(Opcode.End)]),
        ["a million nested blocks"] = () => Nested(1_000_000),
    };

    public static TheoryData<string> BadModuleNames => [.. BadModules.Keys];

    [Theory]
    [MemberData(nameof(BadModuleNames))]
    public async Task BytesThatAreNoValidModuleAreRefusedWithTheirOffset(string what)
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.wasm", BadModules[what]());
        foreach (string[] arguments in new string[][]
        {
            ["diversify", input, "-o", folder["out.wasm"], "--report", folder["report.json"]],
            ["inspect", input, "--json"],
            ["show", input, "0"],
            ["verify", input, input],
            ["run", input],
        })
        {
            var result = await MeweCommand.RunAsync(arguments);
            Assert.Contains("at byte ", RefusedInOneLine(result, 65));
            Assert.Equal(["in.wasm"], folder.Names);
        }
    }

    [Fact]
    public async Task DeeplyNestedCodeThatIsValidIsDealtWith()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.wasm", Nested(Limits.MaxNestingDepth - 10));
        (await MeweCommand.RunAsync("inspect", input)).Exits(0);
        var result = await MeweCommand.RunAsync("diversify", input, "-o", folder["out.wasm"], "--variants", "2");
        Assert.True(result.ExitCode == 0 || RefusedInOneLine(result, result.ExitCode).Length > 0, result.Stderr);
        Assert.NotEqual(70, result.ExitCode);
        Assert.True(result.ExitCode is >= 0 and < 128, $"died: {result.ExitCode}");
    }

    [Fact]
    public async Task FilesThatCannotBeReadOrWrittenAreNamed()
    {
        using var folder = new TempFolder();
        var sample = Sample.ModulePath("encrypt");
        Directory.CreateDirectory(folder["folder"]);
        await RefusesAsync(66, "no such file", folder, "diversify", folder["missing.wasm"], "-o", folder["out.wasm"]);
        await RefusesAsync(66, "folder", folder, "diversify", folder["folder"], "-o", folder["out.wasm"]);
        await RefusesAsync(66, "no such file", folder, "diversify", sample, "-o", folder["out.wasm"], "--workload", folder["missing.json"]);
        await RefusesAsync(66, "cannot read", folder, "inspect", "");
        await RefusesAsync(73, "cannot write", folder, "diversify", sample, "-o", "");
        await RefusesAsync(66, "no such file", folder, "inspect", folder["missing.wasm"]);
        await RefusesAsync(66, "no such file", folder, "run", folder["missing.wasm"]);
        await RefusesAsync(66, "no such file", folder, "run", sample, "--stdin", folder["missing.txt"]);
        await RefusesAsync(73, "cannot write", folder, "diversify", sample, "-o", folder["missing/out.wasm"]);
        await RefusesAsync(73, "folder", folder, "diversify", sample, "-o", folder["folder"]);
        await RefusesAsync(73, "cannot write", folder, "diversify", sample, "-o", folder["out.wasm"], "--report", folder["missing/report.json"]);
        await RefusesAsync(73, "cannot write", folder, "diversify", sample, "-o", "/dev/full/out.wasm");
    }

    [Fact]
    public async Task AModuleThatIsMultivariantAlreadyIsRefused()
    {
        using var folder = new TempFolder();
        (await MeweCommand.RunAsync("diversify", Sample.ModulePath("encrypt"), "-o", folder["once.wasm"], "--variants", "1", "--functions", "^main$|^service$")).Exits(0);
        await RefusesAsync(65, "multivariant already", folder, "diversify", folder["once.wasm"], "-o", folder["twice.wasm"]);
    }

    [Theory]
    [InlineData("not json", "{", 65)]
    [InlineData("no workload", "{}", 65)]
    [InlineData("null", "null", 65)]
    [InlineData("a list", "[]", 65)]
    [InlineData("a null command", """{"commands":[null]}""", 65)]
    [InlineData("a null request", """{"requests":[null]}""", 65)]
    [InlineData("a null call", """{"calls":[null]}""", 65)]
    [InlineData("a null argument", """{"commands":[{"args":[null]}]}""", 65)]
    [InlineData("a null argument of a call", """{"calls":[{"export":"f","args":[null]}]}""", 65)]
    [InlineData("an unknown member", """{"command":[]}""", 65)]
    [InlineData("both text and base64", """{"commands":[{"stdin":"a","stdinBase64":"YQ=="}]}""", 65)]
    [InlineData("no base64", """{"commands":[{"stdinBase64":"!"}]}""", 65)]
    [InlineData("an argument of no type", """{"calls":[{"export":"f","args":["1"]}]}""", 65)]
    [InlineData("an argument out of range", """{"calls":[{"export":"f","args":["i32:99999999999"]}]}""", 65)]
    public async Task AFileThatIsNoWorkloadIsRefused(string what, string json, int exitCode)
    {
        using var folder = new TempFolder();
        var workload = folder.Write("workload.json", Encoding.UTF8.GetBytes(json));
        var line = RefusedInOneLine(await MeweCommand.RunAsync("diversify", Sample.ModulePath("encrypt"), "-o", folder["out.wasm"], "--workload", workload), exitCode);
        Assert.True(line.Contains("is no workload", StringComparison.Ordinal), what);
        Assert.Equal(["workload.json"], folder.Names);
    }

    [Theory]
    [InlineData("--functions", "(")]
    [InlineData("--exclude", "[")]
    [InlineData("--functions", "nothing has this name")]
    [InlineData("--variants", "0")]
    [InlineData("--variants", "65")]
    [InlineData("--variants", "many")]
    [InlineData("--threads", "0")]
    [InlineData("--threads", "two")]
    [InlineData("--fuel", "much")]
    [InlineData("--variants", "99999999999")]
    [InlineData("--fuel", "0")]
    [InlineData("--seed", "-1")]
    [InlineData("--policy", "sometimes")]
    [InlineData("--randomness", "dice")]
    [InlineData("--unknown", "1")]
    public async Task OptionsThatMakeNoSenseAreRefused(string option, string value)
    {
        using var folder = new TempFolder();
        await RefusesAsync(64, "", folder, "diversify", Sample.ModulePath("encrypt"), "-o", folder["out.wasm"], option, value);
    }

    [Fact]
    public async Task CommandLinesThatMakeNoSenseAreRefused()
    {
        using var folder = new TempFolder();
        await RefusesAsync(64, "--help", folder);
        await RefusesAsync(64, "--help", folder, "diversify");
        await RefusesAsync(64, "--help", folder, "diversify", Sample.ModulePath("encrypt"));
        await RefusesAsync(64, "--help", folder, "frobnicate");
        await RefusesAsync(64, "", folder, "run", Sample.ModulePath("encrypt"), "--runs", "0");
        await RefusesAsync(64, "", folder, "run", Sample.ModulePath("encrypt"), "--runs", "often");
        await RefusesAsync(64, "", folder, "verify", Sample.ModulePath("encrypt"), Sample.ModulePath("encrypt"), "--threads", "0");
    }

    [Fact]
    public async Task RandomnessThatTheModuleCannotHaveIsRefused()
    {
        using var folder = new TempFolder();
        var plain = folder.Write("plain.wasm", OneFunction([Instruction.I32Const(1), Instruction.I32Const(2), Instruction.Of(Opcode.I32Add), Instruction.Of(Opcode.Drop), Instruction.Of(Opcode.End)]));
        await RefusesAsync(64, "", folder, "diversify", plain, "-o", folder["out.wasm"], "--randomness", "wasi");
    }

    [Fact]
    public async Task AnEngineThatIsNotThereIsNamed()
    {
        using var folder = new TempFolder();
        var start = new ProcessStartInfo(MeweCommand.Path, ["diversify", Sample.ModulePath("encrypt"), "-o", folder["out.wasm"], "--engine", "v8"]);
        start.Environment["MEWE_NODE"] = folder["no-node"];
        Assert.Contains("no-node", RefusedInOneLine(await MeweCommand.RunAsync(start), 69));
        start.Environment["MEWE_NODE"] = "/bin/cat";
        RefusedInOneLine(await MeweCommand.RunAsync(start), 69);
        Assert.Empty(folder.Names);
    }

    [Fact]
    public async Task HelpSaysWhatThereIs()
    {
        Assert.Contains("diversify", (await MeweCommand.RunAsync("--help")).Exits(0).Stdout);
        foreach (var verb in new[] { "diversify", "inspect", "show", "verify", "run" })
        {
            Assert.Contains("mewe " + verb, (await MeweCommand.RunAsync(verb, "--help")).Exits(0).Stdout);
        }
    }

    private static async Task RefusesAsync(int exitCode, string sayingSo, TempFolder folder, params string[] arguments)
    {
        var before = folder.Names.ToList();
        Assert.Contains(sayingSo, RefusedInOneLine(await MeweCommand.RunAsync(arguments), exitCode));
        Assert.Equal(before, folder.Names);
    }

    /// <summary>Nothing on standard output, exactly one line of error, and no stack trace. Before it there may be lines of progress.</summary>
    private static string RefusedInOneLine(CommandResult result, int exitCode)
    {
        result.Exits(exitCode);
        Assert.Equal("", result.Stdout);
        var line = Assert.Single(result.StderrLines, line => line.StartsWith("mewe: ", StringComparison.Ordinal));
        Assert.Equal(result.StderrLines[^1], line);
        Assert.DoesNotContain("   at ", result.Stderr);
        Assert.DoesNotContain("Exception", result.Stderr);
        Assert.DoesNotContain("defect", result.Stderr);
        return line;
    }

    private static byte[] Truncated(int length)
    {
        var bytes = File.ReadAllBytes(Sample.ModulePath("encrypt"));

        // The last section is custom: cutting it off entirely would leave a module.
        return length < 0 ? bytes[..^-length] : bytes[..length];
    }

    private static byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Nested(int depth) => OneFunction([
        .. Enumerable.Repeat(Instruction.Block(Opcode.Block, BlockType.Empty), depth), .. Enumerable.Repeat(Instruction.Of(Opcode.End), depth + 1)]);

    private static byte[] OneFunction(ImmutableArray<Instruction> body)
    {
        var module = new WasmModule();
        var function = module.AddFunction(module.IndexOfType(FunctionType.Of([], [])), new FunctionBody(new FunctionCode([], body)));
        module.Exports.Add(new Export("f", ExternKind.Function, function));
        return Wasm.Binary.ModuleWriter.Write(module);
    }
}
