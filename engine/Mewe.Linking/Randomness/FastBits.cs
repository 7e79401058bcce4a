using Mewe.Linking.Dispatch;
using Mewe.Wasm;

namespace Mewe.Linking.Randomness;

/// <summary>
/// A linear congruential generator modulo 2^64 in one global. The next choice is always there already, one for each number of choices that a dispatcher has: a draw takes it and makes the one after it,
/// which runs beside the chosen function. Nothing but two loads stands before a jump that nobody foresees, so the processor is wrong for as short a time as can be.
/// </summary>
/// <remarks>
/// <para>Each state is used once, for the choice of one number; so choices of one number are a subsequence of the stream, as uniform as the stream is.</para>
/// The multiplier is from G. Steele and S. Vigna, Computationally easy, spectrally good multipliers for congruential pseudorandom number generators (2022), table for 64 bits. Only
/// the upper 32 bits are used; the lower ones of such a generator have short periods. It is <b>not</b> cryptographic: a handful of observed choices give the state away
/// (a lattice reduction), and all choices after and before. It answers an attacker who does not see the choices of the instance he attacks; for one who does there is <see cref="ChaChaBits"/>.
/// </remarks>
/// <param name="counts">The numbers of choices that dispatchers draw from.</param>
internal sealed class FastBits(AppendedCode appended, BuildConstants constants, uint? randomGet, BlindWord? blind, Func<uint> mix, IReadOnlySet<int> counts) : RandomBits
{
    public const ulong Multiplier = 0xD134_2543_DE82_EF95, Increment = SplitMix64.Gamma;

    private readonly SortedDictionary<int, uint> next = [];
    private uint state;
    private uint? seed;

    public override IEnumerable<(uint Index, string Name)> Globals => [(state, "mewe.state"), .. next.Select(pair => (pair.Value, $"mewe.next.{pair.Key}"))];

    public override void Append(Action<CodeBuilder> forget)
    {
        state = appended.Global64(randomGet is null ? Advance(constants.State, counts.Count) : 0);
        foreach (var (count, i) in counts.Order().Select((count, i) => (count, i)))
        {
            next.Add(count, appended.Global32((int)Scale(Advance(constants.State, i), count)));
        }

        if (randomGet is { } import)
        {
            var body = WasiSeeding.Body(import, [(state, constants.State), .. WasiSeeding.Of(blind)], neverZero: true, Fill);
            seed = appended.Function(GeneratedRole.SeedFromWasi, AppendedCode.Bare, body);
        }
        else
        {
            // Callers may seed with small numbers; two streams whose states are near each other are alike for long.
            var code = new CodeBuilder(1);
            code.Get(0).Call(mix()).SetGlobal(state);
            if (blind is not null)
            {
                // The exclusive or of two bijections of the seed, because one alone could be undone by whoever sees the word in an operand.
                code.Get(0).I64(blind.Constant).Op(Opcode.I64Add).Call(mix()).GetGlobal(state).Op(Opcode.I64Xor).SetGlobal(blind.Global);
            }

            Fill(code, code.Local(ValueType.I64));
            forget(code);
            var type = FunctionType.Of([ValueType.I64], []);
            appended.Export(RandomnessPlan.SeedExport, ExternKind.Function, appended.Function(GeneratedRole.SeedExport, type, code.Body()));
        }
    }

    public override void EmitDraw(CodeBuilder code, uint scratch)
    {
        EmitSeeding(code);
        Step(code, scratch);
        code.Get(scratch);
    }

    public override void EmitChoice(CodeBuilder code, int choices, uint scratch)
    {
        EmitSeeding(code);
        code.GetGlobal(next[choices]);
        EmitNext(code, choices, scratch);
    }

    private void EmitSeeding(CodeBuilder code)
    {
        if (seed is { } lazily)
        {
            // The state comes to zero by itself once in 2^64 steps; seeding it again then does no harm.
            code.GetGlobal(state).Op(Opcode.I64Eqz).Open(Opcode.If).Call(lazily).End();
        }
    }

    private void EmitNext(CodeBuilder code, int choices, uint scratch)
    {
        Step(code, scratch);
        code.Get(scratch);
        EmitScale(code, choices);
        code.SetGlobal(next[choices]);
    }

    /// <summary>The state before goes to <paramref name="scratch"/>.</summary>
    private void Step(CodeBuilder code, uint scratch) =>
        code.GetGlobal(state).Tee(scratch).I64(Multiplier).Op(Opcode.I64Mul).I64(Increment).Op(Opcode.I64Add).SetGlobal(state);

    /// <summary>After the state was set: makes the next choices of all numbers.</summary>
    private void Fill(CodeBuilder code, uint scratch)
    {
        foreach (var count in next.Keys)
        {
            EmitNext(code, count, scratch);
        }
    }

    private static ulong Advance(ulong from, int steps) => Enumerable.Range(0, steps).Aggregate(from, (word, _) => (word * Multiplier) + Increment);

    private static ulong Scale(ulong word, int choices) => ((word >> 32) * (ulong)choices) >> 32;

    public override void EmitHold(CodeBuilder code)
    {
        if (seed is not null)
        {
            code.I64(constants.State).SetGlobal(state);
        }
    }

    public override void EmitRelease(CodeBuilder code)
    {
        if (seed is not null)
        {
            code.I64(0).SetGlobal(state);
        }
    }
}
