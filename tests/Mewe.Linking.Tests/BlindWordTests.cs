using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Execution;
using Mewe.Linking.Preservation;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Names;
using Mewe.Wasm.Validation;

namespace Mewe.Linking.Tests;

/// <summary>The global that blinded variants take their randomness from: there once, seeded with the generator, read back as the placeholder, and found out where it is tampered with.</summary>
public sealed class BlindWordTests(EngineFixture fixture)
{
    private static readonly ValueType I32 = ValueType.I32, I64 = ValueType.I64;
    private static readonly Instruction Read = Instruction.Of(Opcode.GlobalGet, VariantCode.BlindGlobal), Write = Instruction.Of(Opcode.GlobalSet, VariantCode.BlindGlobal);
    private static readonly Diversifier Blinds = new([.. TransformCatalog.All.Where(item => item.Transform.NeedsBlindWord)]);
    private static readonly byte[] Pattern = [.. Enumerable.Range(0, 2048).Select(i => (byte)((i * 29) + 3))];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A module of a function () -> i64, and a "variant" that gives the word itself: what nobody may link but a test.</summary>
    private static (WasmModule Module, FunctionVariants Word) Telling(bool wasi = false)
    {
        var builder = new ModuleBuilder();
        if (wasi)
        {
            builder.Wasi();
            builder.Module.Data.Add(new DataSegment(0, SegmentMode.Active, 0, ConstantExpression.Of(Instruction.I32Const(0)), Pattern));
        }

        builder.Global(5);
        var function = builder.Function([], [I64], code => code.I64(0), "word");
        return (builder.Read(), new FunctionVariants(function, [Variants.Of(Teller, "tell")]));
    }

    private static VariantCode Teller => new(new FunctionCode([],
        [Read, Instruction.I64Const(5), Instruction.Of(Opcode.I64Mul), Instruction.I64Const(3), Instruction.Of(Opcode.I64Add), Write, Read, Instruction.Of(Opcode.End)]));

    private static LinkResult Link((WasmModule Module, FunctionVariants Word) telling, LinkOptions options) => MultivariantLinker.Link(telling.Module, [telling.Word], options);

    /// <summary>What sixteen calls tell; a call that runs the original tells 0.</summary>
    private async Task<long[]> WordsAsync(LinkResult linked, WasmValue[]? seed = null, params ImportBinding[] imports)
    {
        await using var instance = await EngineInstance.OpenAsync(fixture, linked.Module, imports);
        if (seed is not null)
        {
            await instance.CallAsync("mewe_seed", seed);
        }

        var words = new List<long>();
        for (var i = 0; i < 16; i++)
        {
            words.Add((await instance.CallAsync("word"))[0].AsI64);
        }

        return [.. words];
    }

    private static long First(long[] words) => words.First(word => word != 0);

    [Theory]
    [InlineData(DispatchPolicy.Call, RandomnessMode.Export, GeneratorKind.Fast)]
    [InlineData(DispatchPolicy.Call, RandomnessMode.Export, GeneratorKind.ChaCha8)]
    [InlineData(DispatchPolicy.Entry, RandomnessMode.Wasi, GeneratorKind.Fast)]
    [InlineData(DispatchPolicy.Call, RandomnessMode.Wasi, GeneratorKind.ChaCha8)]
    [InlineData(DispatchPolicy.Instance, RandomnessMode.Import, GeneratorKind.Fast)]
    [InlineData(DispatchPolicy.Forced, RandomnessMode.Auto, GeneratorKind.Fast)]
    public void It_is_one_global_that_is_read_back_as_the_placeholder(DispatchPolicy policy, RandomnessMode randomness, GeneratorKind generator)
    {
        var telling = Telling(wasi: true);
        var linked = Link(telling, new LinkOptions { Policy = policy, Randomness = randomness, Generator = generator, AddNames = true });
        var module = ModuleReader.Read(linked.Module);

        Assert.Null(ModuleValidator.Validate(module, Cancellation));
        Assert.Equal((uint)telling.Module.AllGlobals().Length, linked.Map.Blind);
        Assert.Equal(new GlobalType(I64, true), module.AllGlobals()[(int)linked.Map.Blind!.Value]);
        Assert.DoesNotContain(module.Exports, export => export.Kind == ExternKind.Global);
        var names = NameSection.TryRead(module.CustomSections.Single(section => section.Name == "name").Bytes, 0, out _)!;
        Assert.Equal("mewe.blind", names.Globals[linked.Map.Blind.Value]);
        Assert.Single(names.Globals, entry => entry.Value == "mewe.blind");
        Assert.Empty(StructureCheck.Compare(telling.Module, module));
        var contents = MultivariantReader.TryRead(module, out _)!;
        Assert.Equal(Teller.Code.Instructions, contents.Functions[0].Variants[0].Code.Code.Instructions);
    }

    [Fact]
    public void There_is_none_where_no_variant_is_blinded()
    {
        var module = Programs.Make("recursion", wasi: false).Module;

        var linked = MultivariantLinker.Link(module, Variants.PaddedAll(module, 2), new LinkOptions());

        Assert.Null(linked.Map.Blind);
        Assert.Single(ModuleReader.Read(linked.Module).Globals, global => global.Type.Mutable && global.Type.Value == ValueType.I64); // the generator's state
    }

    [Theory]
    [InlineData(GeneratorKind.Fast)]
    [InlineData(GeneratorKind.ChaCha8)]
    public async Task It_differs_from_call_to_call_and_whoever_seeds_the_generator_seeds_it(GeneratorKind generator)
    {
        var linked = Link(Telling(), new LinkOptions { Randomness = RandomnessMode.Export, Generator = generator });
        WasmValue[] Seed(long seed) => [.. Enumerable.Range(0, generator == GeneratorKind.Fast ? 1 : 4).Select(i => WasmValue.I64(seed + i))];

        var unseeded = await WordsAsync(linked);
        var (one, again, two) = (await WordsAsync(linked, Seed(1)), await WordsAsync(linked, Seed(1)), await WordsAsync(linked, Seed(2)));

        var told = one.Where(word => word != 0).ToArray();
        Assert.True(told.Length > 2 && told.Distinct().Count() == told.Length);
        Assert.Equal(one, again);
        Assert.Equal(3, new[] { First(unseeded), First(one), First(two) }.Distinct().Count());
    }

    [Theory]
    [InlineData(GeneratorKind.Fast)]
    [InlineData(GeneratorKind.ChaCha8)]
    public async Task WASI_seeds_it_and_the_memory_stays_as_it_was(GeneratorKind generator)
    {
        var linked = Link(Telling(wasi: true), new LinkOptions { Randomness = RandomnessMode.Wasi, Generator = generator });
        var words = new List<long>();
        foreach (var seed in new[] { 1UL, 2UL, 3UL })
        {
            words.Add(First(await WordsAsync(linked, null, EngineInstance.WasiHost(seed))));
        }

        Assert.Equal(3, words.Distinct().Count());
        await using var instance = await EngineInstance.OpenAsync(fixture, linked.Module, EngineInstance.WasiHost(1));
        await instance.CallAsync("word");
        Assert.Equal(Pattern, await instance.MemoryAsync("memory", 0, Pattern.Length));
    }

    [Fact]
    public async Task Where_the_host_chooses_it_starts_with_a_constant_of_the_build()
    {
        Task<long[]> With(ulong seed) =>
            WordsAsync(Link(Telling(), new LinkOptions { Randomness = RandomnessMode.Import, Seed = seed }), null, EngineInstance.ChooseHost(1));

        Assert.Equal(await With(1), await With(1));
        Assert.NotEqual(await With(1), await With(2));
    }

    public static TheoryData<string> AllPrograms => [.. Programs.Names];

    [Theory]
    [MemberData(nameof(AllPrograms))]
    public async Task Programs_with_blinded_variants_answer_as_their_originals_do(string name)
    {
        foreach (var wasi in new[] { false, true })
        {
            var program = Programs.Make(name, wasi);
            var expected = await BehaviourTests.AnswersAsync(fixture, program.Module.Source.ToArray(), program.Script);
            for (var seed = 0UL; seed < 6; seed++)
            {
                var options = new LinkOptions { Seed = seed, Generator = seed % 2 == 0 ? GeneratorKind.Fast : GeneratorKind.ChaCha8 };
                var linked = MultivariantLinker.Link(program.Module, Blinded(program.Module, seed), options);
                Assert.Null(ModuleValidator.Validate(ModuleReader.Read(linked.Module), Cancellation));
                Assert.Empty(StructureCheck.Compare(program.Module, ModuleReader.Read(linked.Module)));

                Assert.Equal(expected, await BehaviourTests.AnswersAsync(fixture, linked.Module, program.Script));
            }
        }
    }

    [Fact]
    public async Task Blinded_candidates_of_one_body_have_machine_code_of_their_own()
    {
        var builder = new ModuleBuilder();
        var function = builder.Function([I32, I32], [I32], code => code.Get(0).Get(1).Op(Opcode.I32Add).I32(77).Op(Opcode.I32Xor).Get(1).Op(Opcode.I32Mul), "mix");
        var module = builder.Read();
        var original = new VariantCode(module.Bodies[0].Decode());
        var candidates = Blinded(module, 1).Single().Variants.Select(variant => variant.Code).ToArray();

        var groups = (await new CompiledVariants(module).GroupAsync(fixture.Engine, function, [original, .. candidates], Cancellation)).Value;

        Assert.Equal(Enumerable.Range(0, 1 + candidates.Length), groups);
    }

    /// <summary>Blinded candidates of every function. Nobody has tested them, but they are right by construction.</summary>
    private static ImmutableArray<FunctionVariants> Blinded(WasmModule module, ulong seed)
    {
        var facts = new ModuleFacts(module);
        return [.. Enumerable.Range(module.ImportedFunctionCount, module.FunctionTypes.Count).Select(function => new FunctionVariants((uint)function,
            [.. Blinds.Propose(FunctionInput.Of(facts, (uint)function), new DiversifyOptions { Seed = seed, MaxCandidates = 4, MaxGrowth = 4 })
                .Select(candidate => Variants.Of(candidate.Code, [.. candidate.Steps.Select(step => step.Name)]))]))];
    }

    public static TheoryData<string, string> Tamperings() => new()
    {
        { "a variant takes the generator's state for it", "does not have: global.get" },
        { "it starts with another number", "Global" },
        { "it is exported", "the original does not have it" },
        { "the generator is seeded without it", "generated function" },
        { "the section names the generator's state", "other bytes|another body|does not have" },
        { "the section names a global of the original", "cannot be the blind word" },
        { "the section names none", "does not have: global.get" },
        { "an original reads it", "appended original differs" },
    };

    [Theory]
    [MemberData(nameof(Tamperings))]
    public void Every_change_is_reported(string what, string expected)
    {
        var telling = Telling();
        var linked = Link(telling, new LinkOptions { Randomness = RandomnessMode.Export });
        var blind = linked.Map.Blind!.Value;
        var module = ModuleReader.Read(linked.Module);
        switch (what)
        {
            case "a variant takes the generator's state for it":
                Edit(linked.Map.Functions[0].Variants[0].Index, i => i.Opcode == Opcode.GlobalGet ? i.WithIndex(blind + 1) : i);
                break;
            case "it starts with another number":
                module.Globals[(int)blind] = module.Globals[(int)blind] with { Initializer = ConstantExpression.Of(Instruction.I64Const(0)) };
                break;
            case "it is exported":
                module.Exports.Add(new Export("blind", ExternKind.Global, blind));
                break;
            case "the generator is seeded without it":
                Edit(linked.Map.Generated.Single(generated => generated.Role == GeneratedRole.SeedExport).Index, i => i.Opcode == Opcode.GlobalSet ? i.WithIndex(blind + 1) : i);
                break;
            case "an original reads it":
                Edit(linked.Map.Functions[0].Original!.Value, i => i.Opcode == Opcode.I64Const ? Instruction.Of(Opcode.GlobalGet, blind) : i);
                break;
            default:
                uint? claimed = what == "the section names none" ? null : what == "the section names the generator's state" ? blind + 1 : 0;
                var section = MeweSection.TryRead(module, out _)!;
                module.SetCustom(MeweSection.Name, (section with { Map = section.Map with { Blind = claimed } }).Write());
                break;
        }

        var differences = string.Join('\n', StructureCheck.Compare(telling.Module, ModuleReader.Read(ModuleWriter.Write(module))));

        Assert.True(expected.Split('|').Any(part => differences.Contains(part, StringComparison.Ordinal)), $"{what}: {differences}");

        void Edit(uint function, Func<Instruction, Instruction> edit)
        {
            var place = (int)function - module.ImportedFunctionCount;
            var code = module.Bodies[place].Decode();
            module.Bodies[place] = new FunctionBody(new FunctionCode(code.Locals, [.. code.Instructions.Select(edit)]));
        }
    }
}
