using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Wasm;
using Mewe.Wasm.Validation;

namespace Mewe.Equivalence.Tests.Proof;

/// <summary>
/// Proved variants are spoilt in one place, ten thousand times: opcode, constant, operand order, offset, branch depth, local. What is proved of a spoilt one in spite of that
/// runs against the original on the engine, on 4,096 inputs: no difference may be found.
/// </summary>
public sealed class MutatedVariantTests(EngineFixture fixture, ITestOutputHelper output)
{
    private const int MutationsPerVariant = 16, Wanted = 10_000, LongestFunction = 160;

    private static readonly string[] Modules =
    [
        "paper/encrypt.command.wasm", "more/float.command.wasm", "more/indirect.command.wasm", "more/zlib.reactor.wasm", "more/lua.command.wasm",
        "paper/qr_str.reactor.wasm", "more/as_program.wasm", "more/cpp.command.wasm",
    ];

    private sealed record Survivor(string Module, uint Function, FunctionCode Code, string Mutation);

    [Fact]
    public async Task NoSpoiltVariantThatDiffersIsProved()
    {
        var solver = Z3Solver.Create();
        var lemmas = new MemoryLemmaCache();
        var (mutations, blinded, byKind) = (0, 0, new SortedDictionary<string, int>());
        var survivors = new List<Survivor>();
        var functions = Modules.SelectMany(name => Functions(name).Select((function, i) => (Name: name, Function: function, Order: i))).OrderBy(place => place.Order).ToList();
        foreach (var (name, input, order) in functions)
        {
            if (mutations >= Wanted)
            {
                break;
            }

            var random = new Random((int)input.Index + (order * 7919));
            var validator = new TranslationValidator(input, solver, lemmas);
            foreach (var candidate in Diversifier.Default.Propose(input, new DiversifyOptions { MaxCandidates = 3 }))
            {
                if (!candidate.Code.Outlined.IsEmpty || candidate.Code.InstructionCount > 3 * LongestFunction || validator.Prove(candidate.Code) is not ProvedEqual)
                {
                    continue;
                }

                for (var i = 0; i < MutationsPerVariant; i++)
                {
                    if (Mutated(candidate.Code.Code, input, random) is not var (kind, code))
                    {
                        continue;
                    }

                    mutations++;
                    blinded += candidate.Code.IsBlinded ? 1 : 0;
                    byKind[kind] = byKind.GetValueOrDefault(kind) + 1;
                    if (validator.Prove(new VariantCode(code)) is ProvedEqual)
                    {
                        survivors.Add(new Survivor(name, input.Index, code, $"{kind}, {Difference(candidate.Code.Code, code)}"));
                    }
                }
            }
        }

        output.WriteLine($"{mutations} spoilt variants, {blinded} of them blinded ({string.Join(", ", byKind.Select(pair => $"{pair.Value} {pair.Key}"))}), {survivors.Count} of them still proved equal to the original");
        foreach (var group in survivors.GroupBy(survivor => (survivor.Module, survivor.Function)))
        {
            var tester = new DifferentialTester(fixture.Engine, Corpus.Load(group.Key.Module), new TestOptions { Inputs = 4096, Pool = 4096 });
            var report = await tester.TestAsync(group.Key.Function, [.. group.Select(survivor => new VariantCode(survivor.Code))], null, TestContext.Current.CancellationToken);
            foreach (var (survivor, verdict) in group.Zip(report.Verdicts))
            {
                Assert.False(verdict is Refuted, $"a false proof: {survivor.Mutation} in function {survivor.Function} of {survivor.Module}: {verdict}");
            }
        }

        foreach (var survivor in survivors.Take(200))
        {
            output.WriteLine($"  equal: {survivor.Mutation} in function {survivor.Function} of {survivor.Module}");
        }

        Assert.True(mutations >= Wanted && blinded >= Wanted / 20, $"only {mutations} mutations, {blinded} of them of blinded variants");
    }

    private static string Difference(FunctionCode before, FunctionCode after)
    {
        var at = Enumerable.Range(0, before.Instructions.Length).First(i => !before.Instructions[i].Equals(after.Instructions[i]));
        return $"{before.Instructions[at]} becomes {after.Instructions[at]} at {at}";
    }

    private static IEnumerable<FunctionInput> Functions(string name)
    {
        var facts = new ModuleFacts(Corpus.Load(name));
        for (var i = 0; i < facts.Module.Bodies.Count; i++)
        {
            var input = FunctionInput.Of(facts, (uint)(facts.ImportedFunctionCount + i));
            if (input.Code.Instructions.Length is >= 8 and <= LongestFunction)
            {
                yield return input;
            }
        }
    }

    /// <summary>The code with one mistake in it that still validates; null where the place that was drawn allows none.</summary>
    private static (string Kind, FunctionCode Code)? Mutated(FunctionCode code, FunctionInput input, Random random)
    {
        var at = random.Next(code.Instructions.Length);
        for (var tries = 0; tries < 40; tries++, at = random.Next(code.Instructions.Length))
        {
            if (Spoilt(code, at, input, random) is not var (kind, instructions))
            {
                continue;
            }

            var spoilt = new FunctionCode(code.Locals, instructions);
            if (!spoilt.Instructions.SequenceEqual(code.Instructions) && IsValid(input, spoilt))
            {
                return (kind, spoilt);
            }
        }

        return null;
    }

    /// <summary>With a local in the place of the blind word, which no module has.</summary>
    private static bool IsValid(FunctionInput input, FunctionCode code)
    {
        var word = (uint)(input.Type.Parameters.Length + code.LocalCount);
        var plain = new FunctionCode([.. code.Locals, new LocalGroup(1, ValueType.I64)],
            [.. code.Instructions.Select(item => !VariantCode.NamesBlindWord(item) ? item : item.Opcode == Opcode.GlobalGet ? Instruction.LocalGet(word) : Instruction.LocalSet(word))]);
        return FunctionValidator.Validate(input.Module.Context, input.Type, plain) is null;
    }

    private static (string Kind, ImmutableArray<Instruction> Code)? Spoilt(FunctionCode code, int at, FunctionInput input, Random random)
    {
        var instruction = code.Instructions[at];
        var info = instruction.Info;
        switch (instruction.Opcode)
        {
            case Opcode.I32Const:
                return ("constant", code.Instructions.SetItem(at, Instruction.I32Const(instruction.I32 ^ (1 << random.Next(32)))));
            case Opcode.I64Const:
                return ("constant", code.Instructions.SetItem(at, Instruction.I64Const(instruction.I64 ^ (1L << random.Next(64)))));
            case Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee:
                return ("local", code.Instructions.SetItem(at, instruction.WithIndex((uint)random.Next(input.Type.Parameters.Length + code.LocalCount))));
            case Opcode.GlobalGet when instruction.Index == VariantCode.BlindGlobal:
                return ("word", code.Instructions.SetItem(at, Instruction.I64Const(random.NextInt64())));
            case Opcode.GlobalGet or Opcode.GlobalSet:
                return ("global", code.Instructions.SetItem(at, instruction.WithIndex((uint)random.Next(input.Module.Globals.Length))));
            case Opcode.Br or Opcode.BrIf:
                return ("branch depth", code.Instructions.SetItem(at, instruction.WithIndex((uint)random.Next((int)instruction.Index + 3))));
            case Opcode.Call:
                return ("callee", code.Instructions.SetItem(at, instruction.WithIndex((uint)random.Next(input.Module.FunctionTypes.Length))));
        }

        if (info.AccessBytes > 0 && random.Next(2) == 0)
        {
            return ("offset", code.Instructions.SetItem(at, instruction.WithOffset(instruction.Bits + (ulong)random.Next(1, 9))));
        }

        if (info.HasFixedSignature && info.Operands.Length == 2 && info.Operands[0] == info.Operands[1] && info.Results.Length == 1 && random.Next(3) == 0
            && at >= 2 && code.Instructions[at - 1].Opcode == Opcode.LocalGet && code.Instructions[at - 2].Opcode == Opcode.LocalGet)
        {
            return ("operand order", code.Instructions.SetItem(at - 1, code.Instructions[at - 2]).SetItem(at - 2, code.Instructions[at - 1]));
        }

        if (info.HasFixedSignature && info.Immediate is ImmediateKind.None or ImmediateKind.Memory)
        {
            var others = OpcodeTable.All.Where(other => other.HasFixedSignature && other.Immediate == info.Immediate && other.Signature == info.Signature && other.Opcode != info.Opcode
                && other.AccessBytes == info.AccessBytes && other.Feature == Feature.Mvp).ToArray();
            if (others.Length > 0)
            {
                var other = others[random.Next(others.Length)].Opcode;
                return ("opcode", code.Instructions.SetItem(at,
                    info.AccessBytes > 0 ? Instruction.Memory(other, instruction.Bits, instruction.Index2, instruction.Index) : Instruction.Of(other)));
            }
        }

        return null;
    }
}
