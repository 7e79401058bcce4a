using Mewe.Linking.Dispatch;
using Mewe.Wasm;

namespace Mewe.Linking.Randomness;

/// <summary>Asks WASI's random_get for the seed of a generator. The memory that WASI writes over is put back.</summary>
internal static class WasiSeeding
{
    /// <summary>Where the bytes of memory are that WASI writes to; they are put back. Any place will do; the null page is spared because some hosts check.</summary>
    public const int Scratch = 1024;

    /// <summary>
    /// How many bytes more than needed are asked of WASI. A host that replays recorded randomness by length (as Mewe's own does) goes on serving the
    /// program what it served the original as long as the length is one that programs do not ask for.
    /// </summary>
    public const int Odd = 3;

    /// <summary>
    /// () -> (): the globals become what random_get gives. The constants stand there before the call already, so that a host that calls back while it answers
    /// does not come here again, and they stay where the memory is empty or WASI reports an error.
    /// </summary>
    /// <param name="globals">i64 globals to seed, with the constant for each.</param>
    /// <param name="neverZero">A zero from the host is replaced with the constant.</param>
    /// <param name="afterwards">Writes what is to be done whether or not the host gave anything; may use the i64 local.</param>
    public static FunctionBody Body(uint randomGet, IReadOnlyList<(uint Global, ulong Constant)> globals, bool neverZero, Action<CodeBuilder, uint>? afterwards = null)
    {
        var code = new CodeBuilder(0);
        var bytes = (8 * globals.Count) + Odd;
        var saved = Enumerable.Range(0, (bytes + 7) / 8).Select(_ => code.Local(ValueType.I64)).ToArray();
        var seed = code.Local(ValueType.I64);
        foreach (var (global, constant) in globals)
        {
            code.I64(constant).SetGlobal(global);
        }

        code.Op(Opcode.MemorySize, 0).Open(Opcode.If);
        for (var i = 0; i < saved.Length; i++)
        {
            Load(code, i).Set(saved[i]);
        }

        code.I32(Scratch).I32(bytes).Call(randomGet).Op(Opcode.I32Eqz).Open(Opcode.If);
        for (var i = 0; i < globals.Count; i++)
        {
            Load(code, i);
            if (neverZero)
            {
                code.Tee(seed).I64(globals[i].Constant).Get(seed).Op(Opcode.I64Eqz).Op(Opcode.I32Eqz).Op(Opcode.Select);
            }

            code.SetGlobal(globals[i].Global);
        }

        code.End();
        for (var i = 0; i < saved.Length; i++)
        {
            code.I32(Scratch).Get(saved[i]).Add(Instruction.Memory(Opcode.I64Store, 8 * (ulong)i, 3));
        }

        code.End();
        afterwards?.Invoke(code, seed);
        return code.Body();
    }

    /// <summary>The blind word, where there is one, as a global to seed.</summary>
    public static IEnumerable<(uint Global, ulong Constant)> Of(BlindWord? blind) => blind is null ? [] : [(blind.Global, blind.Constant)];

    private static CodeBuilder Load(CodeBuilder code, int word) => code.I32(Scratch).Add(Instruction.Memory(Opcode.I64Load, 8 * (ulong)word, 3));
}
