using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// How a run starts: what the last one wrote is undone, the input is set up if it is another one than before, and the harness's own state starts anew. A harness calls <see cref="Prepare"/>, where that
/// says so <see cref="SetUp"/>, and <see cref="Begin"/>; between them it does what depends on the function: images of memory, globals.
/// </summary>
internal sealed class RunSetup
{
    private readonly HarnessModule module;
    private readonly HarnessState state;
    private readonly HarnessRuntime runtime;
    private readonly HarnessMemories memories;
    private readonly OriginalModule original;
    private readonly uint bookkeeping;
    private readonly uint undo;
    private readonly bool hasArena;

    public RunSetup(HarnessModule module, HarnessState state, HarnessRuntime runtime, HarnessMemories memories, BlindWord? blind, OriginalModule original, uint bookkeeping)
    {
        (this.module, this.state, this.runtime, this.memories, this.original, this.bookkeeping) = (module, state, runtime, memories, original, bookkeeping);
        hasArena = Arena.ExistsIn(original);
        undo = memories.Undo();
        Prepare = module.Declare(FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]));
        SetUp = module.Declare(FunctionType.Of([], []));
        Begin = module.Declare(FunctionType.Of([ValueType.I32], []));
        Undo = module.Declare(FunctionType.Of([], []));
        WriteUndo();
        WritePrepare();
        WriteSetUp();
        WriteBegin(blind);
    }

    /// <summary>(i32 input, i32 address of its record) -> i32: undoes the last run; 1 where the input is another one and needs to be set up.</summary>
    public uint Prepare { get; }

    /// <summary>() -> (): sets the input up in memory, whose image is in place.</summary>
    public uint SetUp { get; }

    /// <summary>(i32 candidate) -> (): puts the harness's own state at the start of a run, of a candidate or of the original.</summary>
    public uint Begin { get; }

    /// <summary>() -> (): undoes all that runs and the input wrote: what is left in memory is its image.</summary>
    public uint Undo { get; }

    private void WriteUndo()
    {
        var code = module.Code(Undo).I32(HarnessState.Log).Call(undo).I32(-1).SetGlobal(state.Input);
        if (hasArena)
        {
            code.Global(state.ArenaIsSet).If();
            CopyArena(code, 0, () => ArenaAddress(code), bookkeeping, () => code.I32(HarnessState.SavedArena));
            code.I32(0).SetGlobal(state.ArenaIsSet).End();
        }

        module.Define(Undo, code);
    }

    private void WritePrepare()
    {
        var code = module.Code(Prepare);
        code.Get(0).Global(state.Input).Op(I32Eq).If().Global(state.LogMark).Call(undo).I32(0).Op(Return).End();
        code.Call(Undo).Get(0).SetGlobal(state.Input);

        code.I32(HarnessState.Log + HarnessState.LogEntries * HarnessState.LogEntryBytes).SetGlobal(state.LogLimit).I32(int.MaxValue).SetGlobal(state.Fuel);
        code.Get(1).SetGlobal(state.Record);
        code.Get(1).Access(I64Load, bookkeeping, HarnessState.SeedAt).SetGlobal(state.Seed);
        code.Get(1).Access(I64Load, bookkeeping, HarnessState.ArenaAt).SetGlobal(state.Arena);
        code.I32(0).SetGlobal(state.Mood).I64(0L).SetGlobal(state.Echo);
        memories.ResetSizes(code);
        module.Define(Prepare, code.I32(1));
    }

    // Puts the arena in place, then fills the input's own regions, then writes its single values.
    private void WriteSetUp()
    {
        var code = module.Code(SetUp);
        code.Global(state.Seed).SetGlobal(state.Random);
        if (memories.Count > 0)
        {
            var fill = Fill();
            var poke = PokeWidth();
            var left = code.Local(ValueType.I32);
            var at = code.Local(ValueType.I32);
            if (hasArena)
            {
                code.I32(1).SetGlobal(state.ArenaIsSet);
                CopyArena(code, bookkeeping, () => code.I32(HarnessState.SavedArena), 0, () => ArenaAddress(code));
                CopyArena(code, 0, () => ArenaAddress(code), bookkeeping, () => code.Global(state.Record).Access(I32Load, bookkeeping, HarnessState.ArenaWindowAt));
            }

            Each(HarnessState.FillCountAt, HarnessState.FillsAt, () => code
                .Get(at).Access(I64Load, bookkeeping).Get(at).Access(I32Load, bookkeeping, 8).Get(at).Access(I32Load, bookkeeping, 12).Call(fill));
            Each(HarnessState.PokeCountAt, HarnessState.PokesAt, () => code
                .Get(at).Access(I64Load, bookkeeping).Get(at).Access(I64Load, bookkeeping, 8).Call(poke));

            void Each(int countAt, int entriesAt, Action entry)
            {
                code.Global(state.Record).Access(I32Load, bookkeeping, entriesAt).Set(at).Global(state.Record).Access(I32Load, bookkeeping, countAt).Set(left)
                    .Block().Loop().Get(left).Op(I32Eqz).BranchIf(1);
                entry();
                code.Get(at).I32(16).Op(I32Add).Set(at).Get(left).I32(1).Op(I32Sub).Set(left).Branch(0).End().End();
            }
        }

        module.Define(SetUp, code.Global(state.LogTop).SetGlobal(state.LogMark));
    }

    private void WriteBegin(BlindWord? blind)
    {
        var code = module.Code(Begin);
        foreach (var zero in new[] { state.Event, state.Outcome, state.Completed })
        {
            code.I32(0).SetGlobal(zero);
        }

        foreach (var zero in new[] { state.Trace, state.MemoryHash, state.Pointer, state.Echo, state.Dropped, state.Growths })
        {
            code.I64(0L).SetGlobal(zero);
        }

        code.Global(state.Record).Access(I32Load, bookkeeping, HarnessState.MoodAt).SetGlobal(state.Mood);
        memories.ResetSizes(code);
        code.Global(state.Record).Access(I32Load, bookkeeping, HarnessState.FuelAt).SetGlobal(state.Fuel)
            .Global(state.LogMark).I32(HarnessState.LogEntries * HarnessState.LogEntryBytes).Op(I32Add).SetGlobal(state.LogLimit);
        code.Get(0).If()
            .Global(state.Fuel).I32(4).Op(I32Mul).I32(1000).Op(I32Add).SetGlobal(state.Fuel)
            .I32(HarnessState.EndOfLog).SetGlobal(state.LogLimit).End();
        blind?.Draw(code);
        module.Define(Begin, code);
    }

    private static void CopyArena(CodeBuilder code, uint target, Action to, uint source, Action from)
    {
        to();
        from();
        code.I32(Arena.Bytes).Add(Instruction.Of(MemoryCopy, target, source));
    }

    private void ArenaAddress(CodeBuilder code)
    {
        code.Global(state.Arena);
        if (!memories.Is64(0))
        {
            code.Op(I32WrapI64);
        }
    }

    // (address with the width in its top byte, value): merges the value into 8 bytes, which at the end of memory start before the address.
    private uint PokeWidth()
    {
        var function = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I64], []));
        var code = module.Code(function);
        var mask = code.Local(ValueType.I64);
        var start = code.Local(ValueType.I64);
        var shift = code.Local(ValueType.I64);
        var end = original.Bytes(0);
        if (end > 0)
        {
            code.I64(-1).I64(64).Get(0).I64(56).Op(I64ShrU).I64(3).Op(I64Shl, I64Sub, I64ShrU).Set(mask);
            code.Get(0).I64(0x00FFFFFF_FFFFFFFF).Op(I64And).Tee(0).I64(end).Op(I64GeU).If().Op(Return).End();
            code.Get(0).I64(end - 8).Get(0).I64(end - 8).Op(I64LtU, Select).Set(start);
            code.Get(0).Get(start).Op(I64Sub).I64(3).Op(I64Shl).Set(shift);
            code.Get(mask).Get(shift).Op(I64Shl).Set(mask).Get(start).Get(start);
            if (!memories.Is64(0))
            {
                code.Op(I32WrapI64);
            }

            code.Access(I64Load, 0).Get(mask).I64(-1).Op(I64Xor, I64And).Get(1).Get(shift).Op(I64Shl).Get(mask).Op(I64And, I64Or).Call(memories.Plant(0));
        }

        module.Define(function, code);
        return function;
    }

    // (address, cells, kind)
    private uint Fill()
    {
        var function = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I32, ValueType.I32], []));
        var code = module.Code(function);
        var bits = code.Local(ValueType.I64);
        code.Block().Loop().Get(1).Op(I32Eqz).BranchIf(1);
        code.Get(2).Op(I32Eqz).If().Call(runtime.Value).Set(bits).Else();
        code.Call(runtime.Next).Set(bits);
        code.Get(2).I32((int)FillKind.Small).Op(I32Eq).If().Get(bits).I64(0x0000001F_0000001F).Op(I64And).Set(bits).End();
        code.Get(2).I32((int)FillKind.Text).Op(I32Eq).If()
            .I64(0L).Get(bits).I64(0x0F0F0F0F_0F0F0F0F).Op(I64And).I64(0x30613061_61306161).Op(I64Add).Get(1).I32(1).Op(I32Eq, Select).Set(bits).End();
        code.Get(2).I32((int)FillKind.Pointers).Op(I32Eq).If();
        runtime.Pointers(code, bits);
        code.Set(bits).End();
        code.Get(2).I32((int)FillKind.Zero).Op(I32Eq).If().I64(0L).Set(bits).End().End();
        code.Get(0).Get(bits).Call(memories.Plant(0));
        code.Get(0).I64(8).Op(I64Add).Set(0).Get(1).I32(1).Op(I32Sub).Set(1).Branch(0).End().End();
        module.Define(function, code);
        return function;
    }
}
