using Mewe.Linking.Dispatch;
using Mewe.Wasm;

namespace Mewe.Linking.Randomness;

/// <summary>
/// Writes the code with which dispatchers choose, and the functions and globals that it needs: the generator's, the <c>entry</c> and <c>instance</c> words from which all functions
/// that hold on to a choice derive theirs (zero: none drawn), and for each periodic dispatcher its choice and how many calls it is good for.
/// </summary>
/// <remarks>
/// A choice follows from a word by multiplying with an odd number of the function's own and taking the upper half (multiplicative hashing, M. Dietzfelbinger et al., 1997): a bijection of
/// the word, so each function's choice is as uniform as the word is, and two functions' choices are as good as independent. While the word stays, so does the choice, and the processor learns the jump.
/// </remarks>
internal sealed class ChoiceCode
{
    private readonly AppendedCode appended;
    private readonly RandomBits bits;
    private readonly BuildConstants constants;
    private readonly List<(uint Index, string Name)> periodic = [];
    private readonly bool keepsEntry;
    private readonly bool keepsInstance;
    private uint mix;
    private uint random;
    private uint entryWord;
    private uint instanceWord;

    /// <param name="import">The function that WASI's random_get or mewe.choose is.</param>
    /// <param name="modes">Those of all dispatchers.</param>
    /// <param name="counts">The numbers of choices among which dispatchers draw.</param>
    /// <param name="blind">Seeded together with the generator; null where no variant is blinded.</param>
    public ChoiceCode(WasmModule module, RandomnessMode mode, GeneratorKind generator, BuildConstants constants, uint? import, IReadOnlySet<DispatchMode> modes, IReadOnlySet<int> counts, BlindWord? blind)
    {
        this.constants = constants;
        appended = new AppendedCode(module);
        keepsEntry = modes.Contains(DispatchMode.Entry);
        keepsInstance = modes.Contains(DispatchMode.Instance);
        bits = mode == RandomnessMode.Import ? new HostBits(appended, import!.Value, Mix)
            : generator == GeneratorKind.ChaCha8 ? new ChaChaBits(appended, constants, import, blind, counts)
            : new FastBits(appended, constants, import, blind, Mix, counts);
        MixesAlways = bits is HostBits || (bits is FastBits && import is null);
    }

    public IReadOnlyList<GeneratedFunction> Functions => appended.Functions;

    /// <summary>Whether outermost calls from the host draw a word, and so need wrappers.</summary>
    public bool KeepsEntry => keepsEntry;

    /// <summary>Index and name of the globals that were appended.</summary>
    public IEnumerable<(uint Index, string Name)> Globals =>
    [
        .. bits.Globals,
        .. keepsEntry ? new[] { (entryWord, "mewe.entry") } : [],
        .. keepsInstance ? new[] { (instanceWord, "mewe.instance") } : [],
        .. periodic,
    ];

    private bool KeepsWord => keepsEntry || keepsInstance;

    private bool MixesAlways { get; }

    /// <summary>Appends what all dispatchers share.</summary>
    public void Append()
    {
        if (MixesAlways || KeepsWord)
        {
            mix = appended.Function(GeneratedRole.Mix, AppendedCode.Maps64, MixBody());
        }

        if (keepsEntry)
        {
            entryWord = appended.Global64(0);
        }

        if (keepsInstance)
        {
            instanceWord = appended.Global64(0);
        }

        bits.Append(ForgetInstance);

        if (KeepsWord)
        {
            random = appended.Function(GeneratedRole.Random, AppendedCode.Produces64, RandomBody());
        }
    }

    /// <summary>Pushes the choice of a dispatcher, an i32 below <paramref name="choices"/>.</summary>
    /// <param name="function">The function's index in the original module.</param>
    public void EmitChoice(CodeBuilder code, FunctionDispatch dispatch, int choices, uint function)
    {
        switch (dispatch.Mode)
        {
            case DispatchMode.Call:
                bits.EmitChoice(code, choices, code.Local(ValueType.I64));
                break;
            case DispatchMode.Entry:
                EmitByWord(code, entryWord, keep: false, choices, function);
                break;
            case DispatchMode.Instance:
                EmitByWord(code, instanceWord, keep: true, choices, function);
                break;
            case DispatchMode.Periodic:
                EmitPeriodic(code, dispatch.Period, choices, function);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(dispatch), dispatch.Mode, "nothing is drawn in this mode");
        }
    }

    /// <summary>The body of a function that calls another one as the outermost call from the host: see <see cref="EntryWrapper"/>.</summary>
    /// <remarks>
    /// The word of the call that is interrupted stands in a local, so a trap or exception leaves nothing that would have to be undone: the next entry draws
    /// its own word. (Only where the host catches it and returns into an outer call does that call go on with the word of the one that failed.)
    /// <para>
    /// While WASI modules are started the host has not seen their memory yet, and many hosts fail random_get then. So the start function runs on the
    /// constant state, and everything drawn from it is forgotten afterwards.
    /// </para>
    /// </remarks>
    public FunctionBody WrapperBody(int parameters, uint function, bool isStart)
    {
        var code = new CodeBuilder(parameters);
        if (isStart)
        {
            bits.EmitHold(code);
        }

        if (keepsEntry)
        {
            var interrupted = code.Local(ValueType.I64);
            code.GetGlobal(entryWord).Set(interrupted);
            code.Call(random).SetGlobal(entryWord);
            code.Parameters().Call(function);
            code.Get(interrupted).SetGlobal(entryWord);
        }
        else
        {
            code.Parameters().Call(function);
        }

        if (isStart)
        {
            ForgetInstance(code);
            bits.EmitRelease(code);
        }

        return code.Body();
    }

    private void ForgetInstance(CodeBuilder code)
    {
        if (keepsInstance)
        {
            code.I64(0).SetGlobal(instanceWord);
        }
    }

    private uint Mix() => mix;

    /// <param name="keep">Whether a word that is drawn here stays. Under the entry policy it does not: the host came in around the exports, so there is no end of the entry at which to forget it.</param>
    private void EmitByWord(CodeBuilder code, uint word, bool keep, int choices, uint function)
    {
        var current = code.Local(ValueType.I64);
        code.GetGlobal(word).Tee(current).Op(Opcode.I64Eqz).Open(Opcode.If).Call(random).Set(current);
        if (keep)
        {
            code.Get(current).SetGlobal(word);
        }

        code.End().Get(current).I64(constants.Multiplier(function)).Op(Opcode.I64Mul);
        RandomBits.EmitScale(code, choices);
    }

    private void EmitPeriodic(CodeBuilder code, uint period, int choices, uint function)
    {
        var remaining = appended.Global32(0);
        var choice = appended.Global32(0);
        periodic.Add((remaining, $"mewe.remaining.{function}"));
        periodic.Add((choice, $"mewe.choice.{function}"));
        var count = code.Local(ValueType.I32);
        code.GetGlobal(remaining).Tee(count).Op(Opcode.I32Eqz).Open(Opcode.If);
        bits.EmitChoice(code, choices, code.Local(ValueType.I64));
        code.SetGlobal(choice).I32((int)period).Set(count).End();
        code.Get(count).I32(1).Op(Opcode.I32Sub).SetGlobal(remaining).GetGlobal(choice);
    }

    /// <summary>() -> 64 random bits; zero with probability 2^-64, and then the word is drawn again by the next who needs it.</summary>
    private FunctionBody RandomBody()
    {
        var code = new CodeBuilder(0);
        var scratch = code.Local(ValueType.I64);
        bits.EmitDraw(code, scratch);
        if (bits is FastBits)
        {
            // The lower bits of the state are regular, and a multiplication carries them into the choices.
            code.Call(mix);
        }

        return code.Body();
    }

    /// <summary>(z) -> <see cref="SplitMix64.Mix"/>(z)</summary>
    private static FunctionBody MixBody()
    {
        var code = new CodeBuilder(1);
        Step(code, 30);
        code.I64(SplitMix64.First).Op(Opcode.I64Mul).Set(0);
        Step(code, 27);
        code.I64(SplitMix64.Second).Op(Opcode.I64Mul).Set(0);
        Step(code, 31);
        return code.Body();

        static void Step(CodeBuilder code, ulong shift) => code.Get(0).Get(0).I64(shift).Op(Opcode.I64ShrU).Op(Opcode.I64Xor);
    }
}
