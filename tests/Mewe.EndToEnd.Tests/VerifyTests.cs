using System.Collections.Immutable;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.EndToEnd.Tests;

/// <summary><c>mewe verify</c> believes nothing: whatever is changed in a multivariant module afterwards, it says no.</summary>
public sealed class VerifyTests(VerifyTests.Pair pair) : IClassFixture<VerifyTests.Pair>
{
    [Fact]
    public async Task ThePairVerifies()
    {
        var result = (await VerifyAsync(pair.Multivariant)).Exits(0);
        Assert.StartsWith("verified: ", result.Stdout);
    }

    [Fact]
    public async Task AByteInAFunctionThatNobodyDiversifiedIsFound()
    {
        var map = MapOf(pair.Multivariant);
        var diversified = map.Functions.Where(function => function.Original is not null).Select(function => function.Index).ToHashSet();
        var imported = pair.Multivariant.ImportedFunctionCount;
        var untouched = Enumerable.Range(0, pair.Original.Bodies.Count)
            .First(i => !diversified.Contains((uint)(imported + i)) && pair.Original.Bodies[i].Decode().Instructions.Any(instruction => instruction.Opcode == Opcode.I32Const));
        await RefusesAsync(module => ChangeConstants(module, untouched), "differs: ");
    }

    [Fact]
    public Task ADataByteIsFound() => RefusesAsync(
        module =>
        {
            var segment = module.Data[0];
            var bytes = segment.Bytes.ToArray();
            bytes[bytes.Length / 2] ^= 1;
            module.Data[0] = segment with { Bytes = bytes };
        },
        "differs: ");

    [Fact]
    public Task AChangedConstantInAVariantIsFound() => RefusesAsync(
        module => ChangeConstants(module, (int)Largest(module).Variants[1].Index - module.ImportedFunctionCount),
        "refuted");

    [Fact]
    public Task AnAppendedOriginalThatIsNotTheOriginalIsFound() => RefusesAsync(
        module => ChangeConstants(module, (int)Largest(module).Original!.Value - module.ImportedFunctionCount),
        "differs: ");

    [Fact]
    public Task ADispatcherThatDoesSomethingElseIsFound() => RefusesAsync(
        module => module.Bodies[(int)Largest(module).Index - module.ImportedFunctionCount] =
            new FunctionBody(new FunctionCode([], [Instruction.Of(Opcode.Unreachable), Instruction.Of(Opcode.End)])),
        "differs: ");

    [Fact]
    public Task AnExportThatPointsElsewhereIsFound() => RefusesAsync(
        module =>
        {
            var at = module.Exports.ToList().FindIndex(export => export.Name == "_start");
            module.Exports[at] = module.Exports[at] with { Index = module.Exports[at].Index + 1 };
        },
        "differs: ");

    [Fact]
    public async Task AModuleWithoutProvenanceDoesNotVerify() => (await VerifyAsync(pair.Original)).Exits(1);

    [Fact]
    public async Task TheSourceOfAnotherModuleDoesNotVerify()
    {
        var result = (await MeweCommand.RunAsync("verify", Sample.ModulePath("decrypt"), pair.Path)).Exits(1);
        Assert.Contains("NOT verified", result.Stdout);
    }

    [Fact]
    public async Task FilesThatAreNoModulesOrNotThereAreNotANo()
    {
        using var folder = new TempFolder();
        var text = folder.Write("text.wasm", "this is text"u8);
        (await MeweCommand.RunAsync("verify", Sample.ModulePath("encrypt"), text)).Exits(65);
        (await MeweCommand.RunAsync("verify", text, pair.Path)).Exits(65);
        (await MeweCommand.RunAsync("verify", Sample.ModulePath("encrypt"), folder["missing.wasm"])).Exits(66);
    }

    private async Task RefusesAsync(Action<WasmModule> tamper, string sayingSo)
    {
        var module = pair.Multivariant.Clone();
        tamper(module);
        var result = (await VerifyAsync(module)).Exits(1);
        Assert.Contains("NOT verified", result.Stdout);
        Assert.Contains(sayingSo, result.Stdout);
    }

    private static async Task<CommandResult> VerifyAsync(WasmModule module)
    {
        using var folder = new TempFolder();
        return await MeweCommand.RunAsync("verify", Sample.ModulePath("encrypt"), folder.Write("tampered.wasm", ModuleBytes.WriteValid(module)));
    }

    private static MultivariantMap MapOf(WasmModule module) => MeweSection.TryRead(module, out _)!.Map;

    private static MultivariantFunction Largest(WasmModule module) =>
        MapOf(module).Functions.Where(function => function.Original is not null).MaxBy(function => module.Bodies[(int)function.Original!.Value - module.ImportedFunctionCount].Content.Length)!;

    private static void ChangeConstants(WasmModule module, int body)
    {
        var code = module.Bodies[body].Decode();
        var changed = code.Instructions.Select(instruction => instruction.Opcode == Opcode.I32Const ? Instruction.I32Const(instruction.I32 ^ 4) : instruction).ToImmutableArray();
        Assert.NotEqual<IEnumerable<Instruction>>(code.Instructions, changed);
        module.Bodies[body] = new FunctionBody(new FunctionCode(code.Locals, changed));
    }

    /// <summary>A service of which half is multivariant.</summary>
    public sealed class Pair : IAsyncLifetime
    {
        private readonly TempFolder folder = new();

        public WasmModule Original { get; } = ModuleBytes.Read(Sample.ModulePath("encrypt"));

        public WasmModule Multivariant { get; private set; } = null!;

        public string Path => folder["encrypt.mv.wasm"];

        public async ValueTask InitializeAsync()
        {
            (await MeweCommand.RunAsync("diversify", Sample.ModulePath("encrypt"), "-o", Path, "--variants", "3", "--functions", "chacha|poly|sodium|service")).Exits(0);
            Multivariant = ModuleBytes.Read(Path);
        }

        public ValueTask DisposeAsync()
        {
            folder.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
