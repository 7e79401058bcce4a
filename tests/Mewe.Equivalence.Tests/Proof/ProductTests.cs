using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Proof.Product;
using Mewe.Equivalence.Proof.Terms;
using Mewe.Wasm;
using static Mewe.Equivalence.Tests.TestModule;

namespace Mewe.Equivalence.Tests.Proof;

/// <summary>What the product must not take for the same: each test failed when a fault was planted in the place that it pins, and no other did.</summary>
public sealed class ProductTests
{
    private static readonly Instruction[] Tell = [Instruction.Call(1)];

    private static Instruction[] Read(ulong offset) => [Get(0), Instruction.Memory(Opcode.I32Load, offset, 0), Op(Opcode.Drop)];

    private static Instruction[] Write(uint address) => [Get(address), Const(1), Store()];

    private static ProofResult Prove(Instruction[] original, Instruction[] variant) =>
        new TranslationValidator(FunctionInput.Of(new ModuleFacts(Of(TestModule.Write, original)), Function), null, null).Prove(new VariantCode(Code(variant)));

    [Fact]
    public void AReadThatGoesLessFarIsNotTheSameCheck()
    {
        Assert.IsType<ProvedEqual>(Prove([.. Read(100), .. Tell], [.. Read(100), .. Read(50), .. Tell]));
        Assert.IsType<NotProved>(Prove([.. Read(100), .. Tell], [.. Read(50), .. Tell]));
        Assert.IsType<NotProved>(Prove([.. Read(50), .. Tell], [.. Read(100), .. Tell]));
    }

    /// <summary>Where it traps, the write has happened on one side only.</summary>
    [Fact]
    public void ACheckThatMovedBehindAWriteIsNotTheSameCheck()
    {
        Assert.IsType<NotProved>(Prove([.. Read(100), .. Write(1), .. Tell], [.. Write(1), .. Read(100), .. Tell]));
        Assert.IsType<NotProved>(Prove([.. Write(1), .. Read(100), .. Tell], [.. Read(100), .. Write(1), .. Tell]));
    }

    /// <summary>Points are looked for by a filter of 64 first: 5 and 69 share a place in it.</summary>
    [Fact]
    public void ASymbolOfAPointIsFoundHoweverDeepAndNoOtherIs()
    {
        var graph = new TermGraph();
        var (mine, other) = (graph.Symbol(32, 5, 0), graph.Symbol(32, 69, 0));
        var stale = new Staleness(5);
        Assert.True(stale.IsIn(mine));
        Assert.False(stale.IsIn(other));
        Assert.True(stale.IsIn(graph.Operation(32, ProofOperation.DivideUnsigned, 0, other, graph.Subtract(mine, other))));
        Assert.False(stale.IsIn(graph.Operation(32, ProofOperation.DivideUnsigned, 0, other, graph.Subtract(graph.Symbol(32, 6, 0), other))));
    }

    /// <summary>
    /// A hash whose loop is unrolled has as many parts as it reads words: forms grew with each of them, the work on them was not counted, and one function of an interpreter took hours.
    /// </summary>
    [Fact]
    public void AnUnrolledHashIsProvedOrGivenUpInCountedWork()
    {
        var validator = new TranslationValidator(FunctionInput.Of(new ModuleFacts(Of(Binary, Hash(300, isCommuted: false))), Function), null, null);
        var variant = Hash(300, isCommuted: true);
        Assert.IsType<ProvedEqual>(validator.Prove(new VariantCode(Code(variant))));
        variant[^3] = Op(Opcode.I32Or);
        Assert.IsType<NotProved>(validator.Prove(new VariantCode(Code(variant))));

        var large = new TranslationValidator(FunctionInput.Of(new ModuleFacts(Of(Binary, Hash(6_000, isCommuted: false))), Function), null, null);
        Assert.Equal("fuel", Assert.IsType<NotProved>(large.Prove(new VariantCode(Code(Hash(6_000, isCommuted: true))))).Category);

        static Instruction[] Hash(int words, bool isCommuted)
        {
            var body = new List<Instruction>();
            for (var word = 0u; word < words; word++)
            {
                Instruction[] read = [Get(0), Instruction.Memory(Opcode.I32Load, 4 * word, 0)];
                Instruction[] rotate = [Get(1), Const(5), Op(Opcode.I32Rotl)];
                body.AddRange(isCommuted ? [.. read, .. rotate] : [.. rotate, .. read]);
                body.AddRange([Op(Opcode.I32Xor), Instruction.LocalSet(1)]);
            }

            body.Add(Get(1));
            return [.. body];
        }
    }
}
