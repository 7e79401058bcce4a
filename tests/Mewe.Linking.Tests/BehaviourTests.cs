using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Linking.Tests;

/// <summary>A multivariant module does what its original does, on a real engine.</summary>
public sealed class BehaviourTests(EngineFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, DispatchPolicy, RandomnessMode> Combinations()
    {
        var data = new TheoryData<string, DispatchPolicy, RandomnessMode>();
        foreach (var program in Programs.Names)
        {
            foreach (var policy in new[] { DispatchPolicy.Call, DispatchPolicy.Entry, DispatchPolicy.Instance, DispatchPolicy.Steered })
            {
                foreach (var randomness in new[] { RandomnessMode.Wasi, RandomnessMode.Export, RandomnessMode.Import })
                {
                    data.Add(program, policy, randomness);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public async Task It_answers_as_its_original_does(string name, DispatchPolicy policy, RandomnessMode randomness)
    {
        var program = Programs.Make(name, wasi: randomness == RandomnessMode.Wasi);
        var linked = MultivariantLinker.Link(program.Module, Variants.PaddedAll(program.Module, 5), new LinkOptions { Policy = policy, Randomness = randomness });
        Assert.Null(ModuleValidator.Validate(ModuleReader.Read(linked.Module), Cancellation));
        if (policy != DispatchPolicy.Steered)
        {
            Assert.Empty(StructureCheck.Compare(program.Module, ModuleReader.Read(linked.Module)));
        }

        Assert.Equal(await AnswersAsync(program.Module.Source.ToArray(), program.Script), await AnswersAsync(linked.Module, program.Script));
    }

    public static TheoryData<string, GeneratorKind, bool> Planned()
    {
        var data = new TheoryData<string, GeneratorKind, bool>();
        foreach (var program in Programs.Names)
        {
            data.Add(program, GeneratorKind.Fast, true);
            data.Add(program, GeneratorKind.ChaCha8, false);
            data.Add(program, GeneratorKind.ChaCha8, true);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Planned))]
    public async Task It_answers_as_its_original_does_however_its_functions_are_dispatched(string name, GeneratorKind generator, bool wasi)
    {
        var program = Programs.Make(name, wasi);
        var expected = await AnswersAsync(program.Module.Source.ToArray(), program.Script);
        for (var first = 0; first < Variants.Dispatches.Length; first++)
        {
            var functions = Variants.Mixed(program.Module, Variants.PaddedAll(program.Module, 5), first);
            var linked = MultivariantLinker.Link(program.Module, functions, new LinkOptions { Policy = DispatchPolicy.Auto, Generator = generator });
            Assert.Null(ModuleValidator.Validate(ModuleReader.Read(linked.Module), Cancellation));
            Assert.Empty(StructureCheck.Compare(program.Module, ModuleReader.Read(linked.Module)));

            Assert.Equal(expected, await AnswersAsync(linked.Module, program.Script));
        }
    }

    [Theory]
    [InlineData(DispatchPolicy.Call, false)]
    [InlineData(DispatchPolicy.Call, true)]
    [InlineData(DispatchPolicy.Entry, true)]
    [InlineData(DispatchPolicy.Instance, false)]
    [InlineData(DispatchPolicy.Auto, true)]
    public async Task It_answers_as_its_original_does_with_every_call_inlined_that_can_be(DispatchPolicy policy, bool wasi)
    {
        foreach (var name in Programs.Names)
        {
            var program = Programs.Make(name, wasi);
            var functions = Variants.Inlining(program.Module, Variants.Mixed(program.Module, Variants.PaddedAll(program.Module, 5), 3));
            var linked = MultivariantLinker.Link(program.Module, functions, new LinkOptions { Policy = policy });
            Assert.Null(ModuleValidator.Validate(ModuleReader.Read(linked.Module), Cancellation));
            Assert.Empty(StructureCheck.Compare(program.Module, ModuleReader.Read(linked.Module)));

            Assert.Equal(await AnswersAsync(program.Module.Source.ToArray(), program.Script), await AnswersAsync(linked.Module, program.Script));
        }
    }

    [Theory]
    [InlineData(DispatchPolicy.Call)]
    [InlineData(DispatchPolicy.Entry)]
    public async Task Every_command_among_the_samples_answers_as_its_original_does_with_small_functions_inlined(DispatchPolicy policy)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "samples"), "*.wasm").Where(file => !file.EndsWith(".reactor.wasm", StringComparison.Ordinal)).Order())
        {
            var original = ModuleReader.Read(await File.ReadAllBytesAsync(file, Cancellation));
            bool IsSmall(uint function) => original.Bodies[(int)function - original.ImportedFunctionCount].Decode().Instructions.Length <= 40;
            ImmutableArray<FunctionVariants> functions = [.. Variants.Inlining(original, Variants.PaddedAll(original, 3)).Select(function => function with { Inlines = [.. function.Inlines.Where(IsSmall)] })];
            var linked = MultivariantLinker.Link(original, functions, new LinkOptions { Policy = policy });
            Assert.Null(ModuleValidator.Validate(ModuleReader.Read(linked.Module), Cancellation));
            Assert.Empty(StructureCheck.Compare(original, ModuleReader.Read(linked.Module)));
            Assert.Contains(linked.Map.Functions, function => !function.Inlined.IsNone);

            Assert.Equal(await OutcomesAsync(original.Source), await OutcomesAsync(linked.Module));
        }
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(3u)]
    [InlineData(99u)]
    public async Task A_forced_choice_answers_as_the_original_does(uint choice)
    {
        foreach (var name in Programs.Names)
        {
            var program = Programs.Make(name, wasi: false);
            var options = new LinkOptions { Policy = DispatchPolicy.Forced, ForcedChoice = choice };
            var linked = MultivariantLinker.Link(program.Module, Variants.PaddedAll(program.Module, 3), options);
            Assert.Equal(RandomnessMode.None, linked.Map.Randomness);
            Assert.Empty(StructureCheck.Compare(program.Module, ModuleReader.Read(linked.Module)));

            Assert.Equal(await AnswersAsync(program.Module.Source.ToArray(), program.Script), await AnswersAsync(linked.Module, program.Script));
        }
    }

    [Theory]
    [InlineData(DispatchPolicy.Call, RandomnessMode.Auto)]
    [InlineData(DispatchPolicy.Entry, RandomnessMode.Auto)]
    [InlineData(DispatchPolicy.Instance, RandomnessMode.Auto)]
    [InlineData(DispatchPolicy.Call, RandomnessMode.Export)]
    [InlineData(DispatchPolicy.Auto, RandomnessMode.Auto)]
    public async Task Every_command_among_the_samples_answers_as_its_original_does(DispatchPolicy policy, RandomnessMode randomness)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "samples"), "*.wasm").Where(file => !file.EndsWith(".reactor.wasm", StringComparison.Ordinal)).Order())
        {
            var original = ModuleReader.Read(await File.ReadAllBytesAsync(file, Cancellation));
            var linked = MultivariantLinker.Link(original, Variants.Mixed(original, Variants.PaddedAll(original, 4), 0), new LinkOptions { Policy = policy, Randomness = randomness });
            Assert.Null(ModuleValidator.Validate(ModuleReader.Read(linked.Module), Cancellation));
            Assert.Empty(StructureCheck.Compare(original, ModuleReader.Read(linked.Module)));

            Assert.Equal(await OutcomesAsync(original.Source), await OutcomesAsync(linked.Module));
        }
    }

    private Task<ImmutableArray<string>> AnswersAsync(byte[] module, SessionCommand[] script) => AnswersAsync(fixture, module, script);

    /// <summary>What the calls of a program give.</summary>
    internal static async Task<ImmutableArray<string>> AnswersAsync(EngineFixture fixture, byte[] module, SessionCommand[] script)
    {
        await using var instance = await EngineInstance.OpenAsync(fixture, module, EngineInstance.WasiHost(7), EngineInstance.ChooseHost(3),
            new ImportBinding("host", null, new ImportSource.Stub([WasmValue.I32(5)])));
        return [.. (await instance.RunAsync(script)).Select(Describe)];
    }

    private static string Describe(SessionReply reply) => reply switch
    {
        SessionReply.Returned returned => string.Join(' ', returned.Values),
        SessionReply.Data data => Convert.ToHexString(data.Bytes.Span),
        _ => reply.ToString(),
    };

    private async Task<ImmutableArray<string>> OutcomesAsync(ReadOnlyMemory<byte> module)
    {
        var run = new ModuleRun(module, new CommandWorkload()) { Seeds = [1, 2, 3] };
        var result = (await fixture.Engine.RunAsync(run, Cancellation)).Value;
        Assert.Null(result.Rejection);
        return [.. Enumerable.Range(0, run.Seeds.Length).Select(i => $"{result[i].ExitCode} {result[i].Trap} {Convert.ToHexString(result[i].Stdout.Span)} {Convert.ToHexString(result[i].Stderr.Span)}")];
    }
}
