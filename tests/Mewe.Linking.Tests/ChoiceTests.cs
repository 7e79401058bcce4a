using Mewe.Execution;
using Mewe.Linking.Dispatch;
using Mewe.Wasm;

namespace Mewe.Linking.Tests;

/// <summary>Which choices are made, and when. The functions under test tell which of their versions ran.</summary>
public sealed class ChoiceTests(EngineFixture fixture)
{
    /// <summary>Exports: draw() gives one choice; histogram(n) adds n choices to the counts in memory; same(n) says whether n choices were all alike.</summary>
    private static ModuleBuilder Drawing(bool wasi, out uint draw)
    {
        var module = wasi ? new ModuleBuilder().Wasi() : new ModuleBuilder().Memory();
        var chosen = module.Constant(0, "draw");
        module.Function([ValueType.I32], [], code => Repeat(code, () =>
        {
            var slot = code.Local(ValueType.I32);
            code.Call(chosen).I32(2).Op(Opcode.I32Shl).Tee(slot).Get(slot).Add(Instruction.Memory(Opcode.I32Load, 4096, 2)).I32(1).Op(Opcode.I32Add)
                .Add(Instruction.Memory(Opcode.I32Store, 4096, 2));
        }), "histogram");
        module.Function([ValueType.I32], [ValueType.I32], code =>
        {
            var first = code.Local(ValueType.I32);
            var same = code.Local(ValueType.I32);
            code.I32(1).Set(same).Call(chosen).Set(first);
            Repeat(code, () => code.Call(chosen).Get(first).Op(Opcode.I32Eq).Get(same).Op(Opcode.I32And).Set(same));
            code.Get(same);
        }, "same");
        draw = chosen;
        return module;
    }

    private static void Repeat(CodeBuilder code, Action body)
    {
        code.Open(Opcode.Loop);
        body();
        code.Get(0).I32(1).Op(Opcode.I32Sub).Tee(0).Op(Opcode.BrIf, 0).End();
    }

    private static byte[] Link(ModuleBuilder module, DispatchPolicy policy, RandomnessMode randomness, params FunctionVariants[] functions) =>
        Link(module, new LinkOptions { Policy = policy, Randomness = randomness }, functions);

    private static byte[] Link(ModuleBuilder module, LinkOptions options, params FunctionVariants[] functions) => MultivariantLinker.Link(module.Read(), functions, options).Module;

    private Task<EngineInstance> OpenAsync(byte[] module, ulong wasiSeed = 1) => EngineInstance.OpenAsync(fixture, module, EngineInstance.WasiHost(wasiSeed));

    private static async Task<long[]> HistogramAsync(EngineInstance instance, int bins)
    {
        var bytes = await instance.MemoryAsync("memory", 4096, 4 * bins);
        return [.. Enumerable.Range(0, bins).Select(i => (long)BitConverter.ToUInt32(bytes, 4 * i))];
    }

    [Theory]
    [InlineData(GeneratorKind.Fast, RandomnessMode.Export)]
    [InlineData(GeneratorKind.Fast, RandomnessMode.Wasi)]
    [InlineData(GeneratorKind.ChaCha8, RandomnessMode.Export)]
    [InlineData(GeneratorKind.ChaCha8, RandomnessMode.Wasi)]
    public async Task A_million_choices_are_uniform_whatever_their_number(GeneratorKind generator, RandomnessMode randomness)
    {
        for (var choices = 2; choices <= 64; choices++)
        {
            var module = Link(Drawing(randomness == RandomnessMode.Wasi, out var draw), new LinkOptions { Generator = generator, Randomness = randomness }, Variants.Numbered(draw, choices - 1));
            await using var instance = await OpenAsync(module);

            await instance.CallAsync("histogram", WasmValue.I32(1_000_000));

            ChoiceDistribution.AssertUniform(await HistogramAsync(instance, choices));
        }
    }

    [Theory]
    [InlineData(GeneratorKind.Fast, 4)]
    [InlineData(GeneratorKind.ChaCha8, 4)]
    [InlineData(GeneratorKind.ChaCha8, 7)]
    public async Task Consecutive_choices_are_independent(GeneratorKind generator, int count)
    {
        var module = Link(Drawing(false, out var draw), new LinkOptions { Generator = generator }, Variants.Numbered(draw, count - 1));
        await using var instance = await OpenAsync(module);

        var choices = await instance.NumbersAsync("draw", 8000);

        ChoiceDistribution.AssertUniform(ChoiceDistribution.Count(choices.Zip(choices.Skip(1), (a, b) => (count * a) + b), count * count));
        ChoiceDistribution.AssertUniform(ChoiceDistribution.Count(choices.Zip(choices.Skip(1), choices.Skip(2)).Select(three => (count * ((count * three.First) + three.Second)) + three.Third), count * count * count));
    }

    [Theory]
    [InlineData(5, RandomnessMode.Wasi)]
    [InlineData(17, RandomnessMode.Export)]
    public async Task Every_choice_is_equally_likely_on_every_entry(int choices, RandomnessMode randomness)
    {
        var module = Link(Drawing(randomness == RandomnessMode.Wasi, out var draw), DispatchPolicy.Entry, randomness, Variants.Numbered(draw, choices - 1));
        await using var instance = await OpenAsync(module);

        ChoiceDistribution.AssertUniform(ChoiceDistribution.Count(await instance.NumbersAsync("draw", choices * 200), choices));
    }

    [Fact]
    public async Task Every_choice_is_equally_likely_in_every_instance()
    {
        const int choices = 5;
        var module = Link(Drawing(false, out var draw), DispatchPolicy.Instance, RandomnessMode.Export, Variants.Numbered(draw, choices - 1));
        await using var instance = await OpenAsync(module);
        var replies = await instance.RunAsync([.. Enumerable.Range(0, 1000).SelectMany(seed => new SessionCommand[]
        {
            new SessionCommand.Invoke(0, "mewe_seed", [WasmValue.I64(seed)]), new SessionCommand.Invoke(0, "draw", []),
        })]);

        var drawn = replies.Where((_, i) => i % 2 == 1).Select(reply => Assert.IsType<SessionReply.Returned>(reply).Values[0].AsI32);

        ChoiceDistribution.AssertUniform(ChoiceDistribution.Count(drawn, choices));
    }

    [Fact]
    public async Task Within_one_entry_a_function_keeps_its_choice_and_another_entry_has_another()
    {
        var module = Link(Drawing(false, out var draw), DispatchPolicy.Entry, RandomnessMode.Export, Variants.Numbered(draw, 15));
        await using var instance = await OpenAsync(module);

        for (var entry = 0; entry < 10; entry++)
        {
            Assert.Equal(1, await instance.NumberAsync("same", WasmValue.I32(1000)));
        }

        Assert.True((await instance.NumbersAsync("draw", 100)).Distinct().Count() > 10);
    }

    [Fact]
    public async Task Under_the_call_policy_a_function_does_not_keep_its_choice()
    {
        var module = Link(Drawing(false, out var draw), DispatchPolicy.Call, RandomnessMode.Export, Variants.Numbered(draw, 15));
        await using var instance = await OpenAsync(module);

        Assert.Equal(0, await instance.NumberAsync("same", WasmValue.I32(1000)));
    }

    [Fact]
    public async Task An_instance_keeps_its_choices_until_it_is_seeded_again()
    {
        var module = Link(Drawing(false, out var draw), DispatchPolicy.Instance, RandomnessMode.Export, Variants.Numbered(draw, 63));
        await using var instance = await OpenAsync(module);

        var unseeded = Assert.Single((await instance.NumbersAsync("draw", 50)).Distinct());
        var bySeed = new HashSet<int>();
        for (var seed = 0; seed < 8; seed++)
        {
            await instance.SeedAsync(seed);
            bySeed.Add(Assert.Single((await instance.NumbersAsync("draw", 50)).Distinct()));
        }

        Assert.InRange(unseeded, 0, 63);
        Assert.True(bySeed.Count > 4);
    }

    [Theory]
    [InlineData(DispatchPolicy.Entry)]
    [InlineData(DispatchPolicy.Instance)]
    public async Task Choices_of_two_functions_are_independent_of_each_other(DispatchPolicy policy)
    {
        var module = new ModuleBuilder();
        var first = module.Constant(0);
        var second = module.Constant(0);
        module.Function([], [ValueType.I32], code => code.Call(first).I32(3).Op(Opcode.I32Mul).Call(second).Op(Opcode.I32Add), "both");
        await using var instance = await OpenAsync(Link(module, policy, RandomnessMode.Export, Variants.Numbered(first, 2), Variants.Numbered(second, 2)));

        var replies = await instance.RunAsync([.. Enumerable.Range(0, 1000).SelectMany(seed => new SessionCommand[]
        {
            new SessionCommand.Invoke(0, "mewe_seed", [WasmValue.I64(seed)]), new SessionCommand.Invoke(0, "both", []),
        })]);
        var pairs = replies.Where((_, i) => i % 2 == 1).Select(reply => Assert.IsType<SessionReply.Returned>(reply).Values[0].AsI32);

        ChoiceDistribution.AssertUniform(ChoiceDistribution.Count(pairs, 9));
    }

    [Theory]
    [InlineData(DispatchPolicy.Call)]
    [InlineData(DispatchPolicy.Entry)]
    public async Task The_seed_decides_the_choices(DispatchPolicy policy)
    {
        var module = Link(Drawing(false, out var draw), policy, RandomnessMode.Export, Variants.Numbered(draw, 15));
        await using var instance = await OpenAsync(module);
        async Task<int[]> AfterSeed(long seed)
        {
            await instance.SeedAsync(seed);
            return await instance.NumbersAsync("draw", 40);
        }

        var one = await AfterSeed(1);

        Assert.Equal(one, await AfterSeed(1));
        Assert.NotEqual(one, await AfterSeed(2));
        Assert.NotEqual(one, await AfterSeed(0));
        Assert.True((await AfterSeed(0)).Distinct().Count() > 5);
    }

    [Fact]
    public async Task Instances_that_WASI_seeds_differently_choose_differently()
    {
        var module = Link(Drawing(true, out var draw), DispatchPolicy.Call, RandomnessMode.Wasi, Variants.Numbered(draw, 15));
        await using var one = await OpenAsync(module, wasiSeed: 1);
        await using var again = await OpenAsync(module, wasiSeed: 1);
        await using var other = await OpenAsync(module, wasiSeed: 2);

        var choices = await one.NumbersAsync("draw", 40);

        Assert.Equal(choices, await again.NumbersAsync("draw", 40));
        Assert.NotEqual(choices, await other.NumbersAsync("draw", 40));
    }

    [Fact]
    public async Task A_periodic_function_keeps_its_choice_for_its_period()
    {
        const int period = 5;
        var dispatch = new FunctionDispatch(DispatchMode.Periodic) { Period = period };
        var module = Link(Drawing(false, out var draw), new LinkOptions { Policy = DispatchPolicy.Auto }, Variants.Numbered(draw, 15) with { Dispatch = dispatch });
        await using var instance = await OpenAsync(module);

        var choices = await instance.NumbersAsync("draw", 200 * period);

        var first = choices.Chunk(period).Select(chunk => Assert.Single(chunk.Distinct())).ToList();
        Assert.Equal(16, first.Distinct().Count());
        Assert.InRange(first.Zip(first.Skip(1)).Count(pair => pair.First == pair.Second), 1, 30);
    }

    [Fact]
    public async Task ChaCha8_gives_the_published_stream_and_the_choices_follow_from_it()
    {
        // Key and nonce of zeros, 256-bit key, 8 rounds, first block: J. Strömbergson, Test Vectors for the Stream Cipher ChaCha, draft-strombergson-chacha-test-vectors-01, TC1.
        const string published = "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e984ce172b9216f419f445367456d5619314a42a3da86b001387bfdb80e0cfe42";
        const int choices = 64;
        var expected = Convert.FromHexString(published).Chunk(8).SelectMany(pair => Fours(((UInt128)BitConverter.ToUInt32(pair) << 32) | BitConverter.ToUInt32(pair, 4))).ToList();
        var module = Link(Drawing(false, out var draw), new LinkOptions { Generator = GeneratorKind.ChaCha8 }, Variants.Numbered(draw, choices - 1));
        await using var instance = await OpenAsync(module);
        await instance.CallAsync("mewe_seed", [.. Enumerable.Repeat(WasmValue.I64(0), 4)]);

        Assert.Equal(32, expected.Count);
        Assert.Equal(expected, await instance.NumbersAsync("draw", expected.Count));

        // Of a draw of 54 bits, the integer parts of its product with the number of choices; 64 to the power of four is what one draw serves.
        static IEnumerable<int> Fours(UInt128 word)
        {
            var fraction = word >> 10;
            for (var i = 0; i < 4; i++)
            {
                fraction *= choices;
                yield return (int)(fraction >> 54);
                fraction &= (UInt128.One << 54) - 1;
            }
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(4, 4)]
    [InlineData(5, 4)]
    [InlineData(1_000_000, 4)]
    [InlineData(-1, 4)]
    public async Task The_host_that_chooses_is_kept_inside_the_choices(int answer, int expected)
    {
        var module = Link(Drawing(false, out var draw), DispatchPolicy.Call, RandomnessMode.Import, Variants.Numbered(draw, 4));
        await using var instance = await EngineInstance.OpenAsync(fixture, module, EngineInstance.ChooseHost(answer));

        Assert.Equal(expected, await instance.NumberAsync("draw"));
    }

    [Fact]
    public async Task The_host_is_told_how_many_choices_there_are()
    {
        var host = new ModuleBuilder();
        host.Function([ValueType.I32], [ValueType.I32], code => code.Get(0).I32(2).Op(Opcode.I32Sub), "choose");
        var module = Link(Drawing(false, out var draw), DispatchPolicy.Call, RandomnessMode.Import, Variants.Numbered(draw, 9));
        await using var instance = await EngineInstance.OpenAsync(fixture);
        await instance.AddAsync(1, host.Read().Source.ToArray());
        await instance.AddAsync(0, module, new ImportBinding("mewe", null, new ImportSource.Instance(1)));

        Assert.Equal(8, await instance.NumberAsync("draw"));
    }

    [Theory]
    [InlineData(0u, 0)]
    [InlineData(3u, 3)]
    [InlineData(8u, 5)]
    public async Task A_forced_choice_is_taken_or_the_last_one_where_there_are_fewer(uint forced, int expected)
    {
        var module = Drawing(false, out var draw);
        var options = new LinkOptions { Policy = DispatchPolicy.Forced, ForcedChoice = forced };
        await using var instance = await OpenAsync(MultivariantLinker.Link(module.Read(), [Variants.Numbered(draw, 5)], options).Module);

        Assert.All(await instance.NumbersAsync("draw", 20), choice => Assert.Equal(expected, choice));
    }
}
