using Mewe.Linking.Dispatch;
using Mewe.Wasm;

namespace Mewe.Linking.Randomness;

/// <summary>
/// ChaCha with 8 rounds (D. J. Bernstein, ChaCha, a variant of Salsa20, 2008) under a key of 256 bits: who sees choices, however many, learns nothing about others unless he breaks
/// the cipher (the best attack known reaches 7 rounds, with 2^238 steps or so). A block gives eight draws and a draw several choices: six of seventeen, so that one choice in 48 pays for a block.
/// </summary>
/// <remarks>
/// State: four i64 for the key, an i64 block counter, nonce zero (one stream per key), eight i64 for what is left of a block, two i64 for what is left of a draw. The pool is a shift register, because globals cannot be indexed
/// and a memory would need a feature that the module may not have. As in <see cref="FastBits"/> the next choice of each number is always there already, so that the draw runs beside the chosen
/// function and not before the jump. A draw is a fraction of <see cref="FractionBits"/> bits: times n, its integer part is a choice of n and the rest a fraction that is as good as the product of all n so far
/// allows (N. Brackett-Rozinsky and D. Lemire, Batched ranged random integer generation, Software: Practice and Experience 55(1), 2025). Where the product would exceed 2^28 a new draw is taken, so that no choice is more likely
/// than another by more than one in 2^26. Who can read the instance's globals knows all its choices, past ones of the key included: nothing is erased.
/// </remarks>
/// <param name="counts">The numbers of choices that dispatchers draw from.</param>
internal sealed class ChaChaBits(AppendedCode appended, BuildConstants constants, uint? randomGet, BlindWord? blind, IReadOnlySet<int> counts) : RandomBits
{
    private const int KeyWords = 4, PoolWords = 8, DoubleRounds = 4, FractionBits = 54;

    /// <summary>Largest product of the numbers of choices that one draw serves. The largest number of choices is far below 2^10, so a fraction times it fits into 64 bits.</summary>
    private const ulong LargestRange = 1UL << 28;

    private static readonly int[] Sigma = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

    private static readonly (int A, int B, int C, int D)[] QuarterRounds =
    [
        (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
        (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
    ];

    private readonly uint[] key = new uint[KeyWords];
    private readonly uint[] pool = new uint[PoolWords];
    private uint counter;
    private uint left;
    private uint fraction;
    private uint range;
    private readonly SortedDictionary<int, uint> next = [];
    private uint? seeded;
    private uint filled;
    private uint fill;
    private uint draw;

    public override IEnumerable<(uint Index, string Name)> Globals =>
    [
        .. key.Select((global, i) => (global, $"mewe.key.{i}")),
        (counter, "mewe.counter"),
        .. pool.Select((global, i) => (global, $"mewe.pool.{i}")),
        (left, "mewe.left"),
        .. seeded is { } flag ? new[] { (flag, "mewe.seeded") } : [],
        .. next.Count > 0 ? new[] { (fraction, "mewe.fraction"), (range, "mewe.range"), (filled, "mewe.filled") } : [],
        .. next.Select(pair => (pair.Value, $"mewe.next.{pair.Key}")),
    ];

    public override void Append(Action<CodeBuilder> forget)
    {
        for (var i = 0; i < KeyWords; i++)
        {
            key[i] = appended.Global64(constants.KeyWord(i));
        }

        counter = appended.Global64(0);
        for (var i = 0; i < PoolWords; i++)
        {
            pool[i] = appended.Global64(0);
        }

        left = appended.Global32(0);
        uint? seed = null;
        if (randomGet is { } import)
        {
            seeded = appended.Global32(0);
            seed = appended.Function(GeneratedRole.SeedFromWasi, AppendedCode.Bare, WasiSeeding.Body(import, [.. key.Select((global, i) => (global, constants.KeyWord(i))), .. WasiSeeding.Of(blind)], neverZero: false));
        }

        var refill = appended.Function(GeneratedRole.Refill, AppendedCode.Bare, Refill(seed));
        draw = appended.Function(GeneratedRole.Draw, AppendedCode.Produces64, Draw(refill));
        if (counts.Count > 0)
        {
            fraction = appended.Global64(0);
            range = appended.Global64(LargestRange);
            filled = appended.Global32(0);
            foreach (var count in counts.Order())
            {
                next.Add(count, appended.Global32(0));
            }

            fill = appended.Function(GeneratedRole.Fill, AppendedCode.Bare, Fill());
        }

        if (randomGet is null)
        {
            var type = FunctionType.Of([ValueType.I64, ValueType.I64, ValueType.I64, ValueType.I64], []);
            appended.Export(RandomnessPlan.SeedExport, ExternKind.Function, appended.Function(GeneratedRole.SeedExport, type, SeedFromCaller(forget)));
        }
    }

    public override void EmitDraw(CodeBuilder code, uint scratch) => code.Call(draw);

    public override void EmitChoice(CodeBuilder code, int choices, uint scratch)
    {
        code.GetGlobal(filled).Op(Opcode.I32Eqz).Open(Opcode.If).Call(fill).End();
        code.GetGlobal(next[choices]);
        EmitNext(code, choices);
    }

    private void EmitNext(CodeBuilder code, int choices)
    {
        var count = (ulong)choices;
        code.GetGlobal(range).I64(count).Op(Opcode.I64Mul).SetGlobal(range);
        code.GetGlobal(range).I64(LargestRange).Op(Opcode.I64GtU).Open(Opcode.If);
        code.Call(draw).I64(64 - FractionBits).Op(Opcode.I64ShrU).SetGlobal(fraction).I64(count).SetGlobal(range).End();
        code.GetGlobal(fraction).I64(count).Op(Opcode.I64Mul).SetGlobal(fraction);
        code.GetGlobal(fraction).I64(FractionBits).Op(Opcode.I64ShrU).Op(Opcode.I32WrapI64).SetGlobal(next[choices]);
        code.GetGlobal(fraction).I64((1UL << FractionBits) - 1).Op(Opcode.I64And).SetGlobal(fraction);
    }

    /// <summary>() -> (): makes the next choices of all numbers.</summary>
    private FunctionBody Fill()
    {
        var code = new CodeBuilder(0);
        code.I32(1).SetGlobal(filled);
        foreach (var count in next.Keys)
        {
            EmitNext(code, count);
        }

        return code.Body();
    }

    /// <summary>The choices that were made of another key are none, and neither is the rest of its draw.</summary>
    private CodeBuilder Forget(CodeBuilder code) => next.Count > 0 ? code.I32(0).SetGlobal(filled).I64(LargestRange).SetGlobal(range) : code;

    public override void EmitHold(CodeBuilder code)
    {
        if (seeded is { } flag)
        {
            Forget(code.I32(1).SetGlobal(flag));
        }
    }

    public override void EmitRelease(CodeBuilder code)
    {
        if (seeded is { } flag)
        {
            Forget(code.I32(0).SetGlobal(flag).I32(0).SetGlobal(left).I64(0).SetGlobal(counter));
        }
    }

    /// <summary>(four words of the key) -> (): the generator starts again from there.</summary>
    private FunctionBody SeedFromCaller(Action<CodeBuilder> forget)
    {
        var code = new CodeBuilder(KeyWords);
        for (var i = 0u; i < KeyWords; i++)
        {
            code.Get(i).SetGlobal(key[i]);
        }

        Forget(code.I32(0).SetGlobal(left).I64(0).SetGlobal(counter));
        if (blind is not null)
        {
            // A draw of its own: operands that are blinded with the word say nothing of the key.
            code.Call(draw).SetGlobal(blind.Global);
        }

        forget(code);
        return code.Body();
    }

    /// <summary>() -> 64 bits: the pool's first word.</summary>
    private FunctionBody Draw(uint refill)
    {
        var code = new CodeBuilder(0);
        code.GetGlobal(left).Op(Opcode.I32Eqz).Open(Opcode.If).Call(refill).End();
        code.GetGlobal(left).I32(1).Op(Opcode.I32Sub).SetGlobal(left);
        code.GetGlobal(pool[0]);
        for (var i = 1; i < PoolWords; i++)
        {
            code.GetGlobal(pool[i]).SetGlobal(pool[i - 1]);
        }

        return code.Body();
    }

    /// <summary>() -> (): the next block fills the pool; word 2i of the block is the upper half of pool word i.</summary>
    private FunctionBody Refill(uint? seed)
    {
        var code = new CodeBuilder(0);
        var words = Enumerable.Range(0, 16).Select(_ => code.Local(ValueType.I32)).ToArray();
        var rounds = code.Local(ValueType.I32);
        if (seed is { } lazily)
        {
            code.GetGlobal(seeded!.Value).Op(Opcode.I32Eqz).Open(Opcode.If).I32(1).SetGlobal(seeded.Value).Call(lazily).End();
        }

        for (var i = 0; i < words.Length; i++)
        {
            Initial(code, i).Set(words[i]);
        }

        code.I32(DoubleRounds).Set(rounds).Open(Opcode.Loop);
        foreach (var (a, b, c, d) in QuarterRounds)
        {
            Half(code, words[a], words[b], words[d], 16);
            Half(code, words[c], words[d], words[b], 12);
            Half(code, words[a], words[b], words[d], 8);
            Half(code, words[c], words[d], words[b], 7);
        }

        code.Get(rounds).I32(1).Op(Opcode.I32Sub).Tee(rounds).Op(Opcode.BrIf, 0).End();
        for (var i = 0; i < PoolWords; i++)
        {
            Final(2 * i).I64(32).Op(Opcode.I64Shl);
            Final((2 * i) + 1).Op(Opcode.I64Or).SetGlobal(pool[i]);
        }

        code.GetGlobal(counter).I64(1).Op(Opcode.I64Add).SetGlobal(counter);
        code.I32(PoolWords).SetGlobal(left);
        return code.Body();

        CodeBuilder Final(int i)
        {
            code.Get(words[i]);
            return Initial(code, i).Op(Opcode.I32Add).Op(Opcode.I64ExtendI32U);
        }
    }

    /// <summary>x += y; z = rotl(z ^ x, by)</summary>
    private static void Half(CodeBuilder code, uint x, uint y, uint z, int by) => code
        .Get(x).Get(y).Op(Opcode.I32Add).Tee(x).Get(z).Op(Opcode.I32Xor).I32(by).Op(Opcode.I32Rotl).Set(z);

    /// <summary>Pushes word <paramref name="i"/> of the block before the rounds: constants, key, counter, nonce.</summary>
    private CodeBuilder Initial(CodeBuilder code, int i) => i switch
    {
        < 4 => code.I32(Sigma[i]),
        < 12 => HalfOf(code, key[(i - 4) / 2], upper: i % 2 == 1),
        < 14 => HalfOf(code, counter, upper: i == 13),
        _ => code.I32(0),
    };

    private static CodeBuilder HalfOf(CodeBuilder code, uint global, bool upper)
    {
        code.GetGlobal(global);
        return (upper ? code.I64(32).Op(Opcode.I64ShrU) : code).Op(Opcode.I32WrapI64);
    }
}
