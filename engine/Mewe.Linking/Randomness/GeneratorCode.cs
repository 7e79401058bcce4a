using Mewe.Linking.Dispatch;
using Mewe.Wasm;

namespace Mewe.Linking.Randomness;

/// <summary>
/// Writes the functions that choose. They keep their state in two i64 globals: the generator's <c>state</c> (zero: not seeded yet), and under the policies
/// that hold on to a choice the <c>word</c> from which the choices of all functions follow (zero: none drawn).
/// </summary>
/// <param name="module">The module to append to.</param>
/// <param name="import">The function that WASI's random_get or mewe.choose is.</param>
internal sealed class GeneratorCode(WasmModule module, RandomnessMode mode, DispatchPolicy policy, BuildConstants constants, uint? import)
{
    /// <summary>Where the bytes of memory are that WASI writes to; they are put back. Any place will do; the null page is spared because some hosts check.</summary>
    public const int Scratch = 1024;

    /// <summary>
    /// How many bytes are asked of WASI. Eight are needed. A host that replays recorded randomness by length (as Mewe's own does) goes on serving the
    /// program what it served the original as long as the length is one that programs do not ask for.
    /// </summary>
    public const int WasiBytes = 11;

    private static readonly FunctionType Produces64 = FunctionType.Of([], [ValueType.I64]);
    private static readonly FunctionType Maps64 = FunctionType.Of([ValueType.I64], [ValueType.I64]);
    private static readonly FunctionType Takes64 = FunctionType.Of([ValueType.I64], []);
    private static readonly FunctionType Bare = FunctionType.Of([], []);
    private static readonly FunctionType Chooses = FunctionType.Of([ValueType.I32], [ValueType.I32]);
    private static readonly FunctionType ChoosesWithSalt = FunctionType.Of([ValueType.I32, ValueType.I64], [ValueType.I32]);

    private readonly List<GeneratedFunction> functions = [];
    private uint? state;
    private uint? word;
    private uint mix;
    private uint random;
    private uint choose;

    public IReadOnlyList<GeneratedFunction> Functions => functions;

    private bool KeepsWord => policy is DispatchPolicy.Entry or DispatchPolicy.Instance;

    /// <summary>Index and name of the globals that were appended.</summary>
    public IEnumerable<(uint Index, string Name)> Globals
    {
        get
        {
            if (state is { } stateIndex)
            {
                yield return (stateIndex, "mewe.state");
            }

            if (word is { } wordIndex)
            {
                yield return (wordIndex, "mewe.word");
            }
        }
    }

    /// <summary>Appends globals and functions, and for <see cref="RandomnessMode.Export"/> the export.</summary>
    public void Append()
    {
        if (mode != RandomnessMode.Import)
        {
            state = AddGlobal(mode == RandomnessMode.Wasi ? 0 : constants.State);
        }

        if (KeepsWord)
        {
            word = AddGlobal(0);
        }

        if (mode != RandomnessMode.Import || KeepsWord)
        {
            mix = AddFunction(GeneratedRole.Mix, Maps64, MixBody());
            random = mode == RandomnessMode.Import
                ? AddFunction(GeneratedRole.Random, Produces64, RandomFromHost())
                : AddFunction(GeneratedRole.Random, Produces64, RandomFromState(mode == RandomnessMode.Wasi
                    ? AddFunction(GeneratedRole.SeedFromWasi, Bare, SeedFromWasi())
                    : null));
        }

        choose = AddFunction(GeneratedRole.Choose, KeepsWord ? ChoosesWithSalt : Chooses,
            KeepsWord ? ChooseByWord() : mode == RandomnessMode.Import ? ChooseFromHost() : ChooseAnew());
        if (mode == RandomnessMode.Export)
        {
            var seed = AddFunction(GeneratedRole.SeedExport, Takes64, SeedFromCaller());
            module.Exports.Add(new Export(RandomnessPlan.SeedExport, ExternKind.Function, seed));
        }
    }

    /// <summary>Pushes the choice of a dispatcher.</summary>
    /// <param name="function">The function's index in the original module.</param>
    public void EmitChoice(CodeBuilder code, int choices, uint function)
    {
        code.I32(choices);
        if (KeepsWord)
        {
            code.I64(constants.Salt(function));
        }

        code.Call(choose);
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
        var holdSeeding = isStart && mode == RandomnessMode.Wasi;
        if (holdSeeding)
        {
            code.I64(constants.State).SetGlobal(state!.Value);
        }

        if (policy == DispatchPolicy.Entry)
        {
            var interrupted = code.Local(ValueType.I64);
            code.GetGlobal(word!.Value).Set(interrupted);
            code.Call(random).SetGlobal(word.Value);
            code.Parameters().Call(function);
            code.Get(interrupted).SetGlobal(word.Value);
        }
        else
        {
            code.Parameters().Call(function);
            if (policy == DispatchPolicy.Instance)
            {
                code.I64(0).SetGlobal(word!.Value);
            }
        }

        if (holdSeeding)
        {
            code.I64(0).SetGlobal(state!.Value);
        }

        return code.Body();
    }

    private uint AddGlobal(ulong value)
    {
        var index = (uint)module.AllGlobals().Length;
        module.Globals.Add(new Global(new GlobalType(ValueType.I64, true), ConstantExpression.Of(Instruction.I64Const((long)value))));
        return index;
    }

    private uint AddFunction(GeneratedRole role, FunctionType type, FunctionBody body)
    {
        var index = module.AddFunction(module.IndexOfType(type), body);
        functions.Add(new GeneratedFunction(role, index));
        return index;
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

    /// <summary>() -> 64 random bits</summary>
    private FunctionBody RandomFromState(uint? seed)
    {
        var code = new CodeBuilder(0);
        if (seed is { } lazily)
        {
            // The state comes to zero by itself once in 2^64 steps; seeding it again then does no harm.
            code.GetGlobal(state!.Value).Op(Opcode.I64Eqz).Open(Opcode.If).Call(lazily).End();
        }

        code.GetGlobal(state!.Value).I64(SplitMix64.Gamma).Op(Opcode.I64Add).SetGlobal(state.Value);
        code.GetGlobal(state.Value).Call(mix);
        return code.Body();
    }

    /// <summary>The host gives 31 bits (a count that is positive also where it is read as signed), spread over 64. Never zero in practice: the bijection maps one value of 2^64 there.</summary>
    private FunctionBody RandomFromHost()
    {
        var code = new CodeBuilder(0);
        code.I32(int.MaxValue).Call(import!.Value).Op(Opcode.I64ExtendI32U).I64(SplitMix64.Gamma).Op(Opcode.I64Add).Call(mix);
        return code.Body();
    }

    /// <summary>(count) -> index below it: the high half of 32 random bits times the count.</summary>
    private FunctionBody ChooseAnew()
    {
        var code = new CodeBuilder(1);
        code.Call(random);
        Scale(code);
        return code.Body();
    }

    /// <summary>(count, salt) -> index below it, the same as long as the word is.</summary>
    private FunctionBody ChooseByWord()
    {
        var code = new CodeBuilder(2);
        var current = code.Local(ValueType.I64);
        code.GetGlobal(word!.Value).Tee(current).Op(Opcode.I64Eqz).Open(Opcode.If, ValueType.I64);
        code.Call(random);
        if (policy == DispatchPolicy.Instance)
        {
            code.Tee(current).SetGlobal(word.Value).Get(current).Get(1).Op(Opcode.I64Xor).Call(mix);
        }

        // Under the entry policy nothing is stored: the host came in around the exports, so there is no end of the entry at which to forget it.
        code.Op(Opcode.Else).Get(current).Get(1).Op(Opcode.I64Xor).Call(mix).End();
        Scale(code);
        return code.Body();
    }

    /// <summary>
    /// From 64 random bits on the stack to an index below the count in local 0, without a division: (r * count) >> 32 for the upper 32 bits r (D. Lemire,
    /// Fast random integer generation in an interval, ACM TOMACS 29(1), 2019). No value is rejected, so an index may be more likely than another by at most
    /// one in 2^32 / count: for 65 choices less than 1.6e-8.
    /// </summary>
    private static void Scale(CodeBuilder code) => code
        .I64(32).Op(Opcode.I64ShrU)
        .Get(0).Op(Opcode.I64ExtendI32U).Op(Opcode.I64Mul)
        .I64(32).Op(Opcode.I64ShrU).Op(Opcode.I32WrapI64);

    /// <summary>(count) -> what the host says, as an unsigned number, at most count - 1.</summary>
    private FunctionBody ChooseFromHost()
    {
        var code = new CodeBuilder(1);
        var answer = code.Local(ValueType.I32);
        code.Get(0).Call(import!.Value).Tee(answer)
            .Get(0).I32(1).Op(Opcode.I32Sub)
            .Get(answer).Get(0).Op(Opcode.I32LtU).Op(Opcode.Select);
        return code.Body();
    }

    /// <summary>
    /// () -> (): the state becomes what random_get gives. The constant stands in before the call already, so that a host that calls back while it answers
    /// does not come here again, and it stays where the memory is empty or WASI reports an error. The bytes that WASI writes over are put back.
    /// </summary>
    private FunctionBody SeedFromWasi()
    {
        var code = new CodeBuilder(0);
        var low = code.Local(ValueType.I64);
        var high = code.Local(ValueType.I64);
        var seed = code.Local(ValueType.I64);
        code.I64(constants.State).SetGlobal(state!.Value);
        code.Op(Opcode.MemorySize, 0).Op(Opcode.I32Eqz).Open(Opcode.If).Op(Opcode.Return).End();
        Load(code, 0).Set(low);
        Load(code, 8).Set(high);
        code.I32(Scratch).I32(WasiBytes).Call(import!.Value).Op(Opcode.I32Eqz).Open(Opcode.If);
        Load(code, 0).Tee(seed).I64(constants.State).Get(seed).Op(Opcode.I64Eqz).Op(Opcode.I32Eqz).Op(Opcode.Select).SetGlobal(state.Value);
        code.End();
        Store(code, 0, low);
        Store(code, 8, high);
        return code.Body();

        static CodeBuilder Load(CodeBuilder code, ulong offset) => code.I32(Scratch).Add(Instruction.Memory(Opcode.I64Load, offset, 3));

        static void Store(CodeBuilder code, ulong offset, uint local) => code.I32(Scratch).Get(local).Add(Instruction.Memory(Opcode.I64Store, offset, 3));
    }

    /// <summary>(seed) -> (): the generator starts again from there, and an instance that has chosen chooses again.</summary>
    private FunctionBody SeedFromCaller()
    {
        var code = new CodeBuilder(1);
        code.Get(0).SetGlobal(state!.Value);
        if (policy == DispatchPolicy.Instance)
        {
            code.I64(0).SetGlobal(word!.Value);
        }

        return code.Body();
    }
}
