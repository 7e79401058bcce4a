using System.Collections.Immutable;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Execution.Wasmtime;

/// <summary>
/// The inner loop of a sweep, in WebAssembly: a call from .NET costs as much as a hundred instructions. It runs subjects and compares them as long as nothing remarkable happens, and returns (or traps) when something
/// does. The same design as Node/Worker/driver.js, but written into the harness itself, after everything that it has.
/// </summary>
/// <remarks>
/// For a function that is exported or stands in a table the library compiles a trampoline with its optimizing compiler, which took longer than everything else together. So the subjects are not exported any more: the
/// driver calls them directly, behind a branch table. Their types are checked before (<see cref="Matches"/>), so that a harness whose subjects have another type is rejected with a reason. The driver has
/// a memory of its own: at 16 * k for subject k: u32 active, u32 how often compared, u32 how often trapped; from <c>digestsAt</c> on the digests that are kept, u64 each at subject * inputs + index.
/// </remarks>
internal static class SweepDriver
{
    /// <summary>What <c>resume</c> returns.</summary>
    public const int Done = 0, OriginalOutOfFuel = 1, Difference = 2;

    /// <summary>Log2 of the bytes per subject.</summary>
    public const int SubjectShift = 4;

    /// <summary>How the original ended: normally, with an exception, with a trap.</summary>
    public const int EndedNormally = 0, EndedWithException = 1, EndedWithTrap = 2;

    /// <summary>What the harness's functions are to be, for <see cref="Matches"/>.</summary>
    public const int SubjectType = 0, DigestType = 1, OutcomeType = 2;

    /// <summary>Stands before the names of all that the driver exports.</summary>
    private const string Prefix = "mewe.sweep.";

    private static readonly FunctionType[] Types =
        [FunctionType.Of([Wasm.ValueType.I32], []), FunctionType.Of([], [Wasm.ValueType.I64]), FunctionType.Of([], [Wasm.ValueType.I32])];

    private static readonly (Slot Slot, Wasm.ValueType Type)[] Globals =
        [.. Enum.GetValues<Slot>().Select(slot => (slot, slot is Slot.OriginalDigest or Slot.Digest ? Wasm.ValueType.I64 : Wasm.ValueType.I32))];

    /// <summary>The driver's state: exported mutable globals, under these names.</summary>
    public enum Slot : uint
    {
        /// <summary>Number of the input at work: 0, 1, ...</summary>
        Index,

        /// <summary>The subject at work.</summary>
        Subject,

        /// <summary>The input with index 0.</summary>
        First,
        Inputs,
        Subjects,
        Executions,
        OriginalDigest,
        OriginalOutcome,
        OriginalEnding,

        /// <summary>A <see cref="TrapKind"/>.</summary>
        OriginalTrap,

        /// <summary>Of the latest run that returned.</summary>
        Digest,

        /// <summary>With that of a trap taken out.</summary>
        Outcome,

        /// <summary>The <see cref="TrapKind"/> that the outcome told, or 0.</summary>
        Trap,

        /// <summary>0: digests are not kept.</summary>
        DigestsAt,
    }

    /// <summary>The export name of the function that goes on.</summary>
    public static string Resume => Prefix + "resume";

    /// <summary>The export name of the driver's memory.</summary>
    public static string Memory => Prefix + "memory";

    /// <summary>The export name of a part of the state.</summary>
    public static string NameOf(Slot slot) => Prefix + slot;

    /// <summary>Whether a function of a harness, which need not be valid, has the parameters and results that the driver expects.</summary>
    public static bool Matches(WasmModule harness, uint function, int type)
    {
        var types = harness.AllFunctionTypes();
        return function < types.Length && types[(int)function] < harness.Types.Length && harness.Types[(int)types[(int)function]].Type.Equals(Types[type]);
    }

    /// <summary>The harness with the driver in it, as a module.</summary>
    /// <param name="harness">The harness; it is not changed.</param>
    /// <param name="subjects">Function indices of the subjects.</param>
    /// <param name="digest">Function index of <c>digest</c>.</param>
    /// <param name="outcome">Function index of <c>outcome</c>.</param>
    public static byte[] WriteInto(WasmModule harness, ReadOnlySpan<uint> subjects, uint digest, uint outcome)
    {
        var module = harness.Clone();
        for (var i = module.Exports.Count - 1; i >= 0; i--)
        {
            if (module.Exports[i].Kind == ExternKind.Function && subjects.Contains(module.Exports[i].Index) && module.Exports[i].Index != digest && module.Exports[i].Index != outcome)
            {
                module.Exports.RemoveAt(i);
            }
        }

        var memory = (uint)module.AllMemories().Length;
        module.Memories.Add(new MemoryType(new SizeLimits(1, null)));
        module.Exports.Add(new Export(Memory, ExternKind.Memory, memory));
        var firstGlobal = (uint)module.AllGlobals().Length;
        foreach (var (slot, type) in Globals)
        {
            var zero = type == Wasm.ValueType.I64 ? Instruction.I64Const(0) : Instruction.I32Const(0);
            module.Globals.Add(new Global(new GlobalType(type, true), ConstantExpression.Of(zero)));
            module.Exports.Add(new Export(NameOf(slot), ExternKind.Global, firstGlobal + (uint)slot));
        }

        var chooser = module.AddFunction(module.IndexOfType(FunctionType.Of([Wasm.ValueType.I32, Wasm.ValueType.I32], [])), new FunctionBody(new FunctionCode([], Choose(subjects))));
        var code = new Code(memory, firstGlobal, chooser, digest, outcome);
        module.Exports.Add(new Export(Resume, ExternKind.Function, module.AddFunction(module.IndexOfType(Types[OutcomeType]), new FunctionBody(new FunctionCode([], code.Resume())))));
        return ModuleWriter.Write(module);
    }

    // (i32 subject, i32 input) -> (): block for the last subject ... block for the first { br_table } call the first; return ... end
    private static ImmutableArray<Instruction> Choose(ReadOnlySpan<uint> subjects)
    {
        var body = ImmutableArray.CreateBuilder<Instruction>((5 * subjects.Length) + 4);
        for (var k = 0; k < subjects.Length; k++)
        {
            body.Add(Instruction.Block(Opcode.Block, BlockType.Empty));
        }

        body.Add(Instruction.LocalGet(0));
        body.Add(Instruction.BranchTable([.. Enumerable.Range(0, subjects.Length - 1).Select(k => (uint)k)], (uint)subjects.Length - 1));
        foreach (var subject in subjects)
        {
            body.Add(Instruction.Of(Opcode.End));
            body.Add(Instruction.LocalGet(1));
            body.Add(Instruction.Call(subject));
            body.Add(Instruction.Of(Opcode.Return));
        }

        body.Add(Instruction.Of(Opcode.End));
        return body.ToImmutable();
    }

    /// <summary>The driver's code, for the indices that it has in one harness.</summary>
    private sealed class Code(uint memory, uint firstGlobal, uint chooser, uint digest, uint outcome)
    {
        // Goes on at (index, subject): loop { if index >= inputs: done; loop { while subject < subjects ...; subject++ }; index++; subject = 0 }
        public ImmutableArray<Instruction> Resume() =>
        [
            Instruction.Block(Opcode.Loop, BlockType.Empty),
            .. When([Get(Slot.Index), Get(Slot.Inputs), Op(Opcode.I32GeU)], Leave(Done)),
            Instruction.Block(Opcode.Loop, BlockType.Empty),
            .. When(
                [Get(Slot.Subject), Get(Slot.Subjects), Op(Opcode.I32LtU)],
                [
                    .. When([.. SubjectAddress, Instruction.Memory(Opcode.I32Load, 0, 2, memory)], [.. RunSubject(), .. Judge(), .. Count(4)]),
                    .. Increment(Slot.Subject),
                    Op(Opcode.Br, 1),
                ]),
            Op(Opcode.End),
            .. Increment(Slot.Index), Instruction.I32Const(0), Set(Slot.Subject),
            Op(Opcode.Br, 0),
            Op(Opcode.End),
            Op(Opcode.Unreachable),
            Op(Opcode.End),
        ];

        private Instruction[] RunSubject() =>
        [
            .. Increment(Slot.Executions),
            Get(Slot.Subject), Get(Slot.First), Get(Slot.Index), Op(Opcode.I32Add), Instruction.Call(chooser),
            Instruction.Call(digest), Set(Slot.Digest),
            Instruction.Call(outcome), Set(Slot.Outcome),
            Instruction.I32Const(0), Set(Slot.Trap),
            .. When(
                [Get(Slot.Outcome), Instruction.I32Const(SweepOutcome.Trapped), Op(Opcode.I32GeU)],
                [
                    Get(Slot.Outcome), Instruction.I32Const(SweepOutcome.Trapped), Op(Opcode.I32Sub), Set(Slot.Trap),
                    Instruction.I32Const(0), Set(Slot.Outcome),
                    .. Count(8),
                ]),
            .. When(
                [Get(Slot.DigestsAt)],
                [
                    Get(Slot.DigestsAt), Get(Slot.Subject), Get(Slot.Inputs), Op(Opcode.I32Mul), Get(Slot.Index), Op(Opcode.I32Add), Instruction.I32Const(3), Op(Opcode.I32Shl), Op(Opcode.I32Add),
                    Get(Slot.Digest), Instruction.Memory(Opcode.I64Store, 0, 3, memory),
                ]),
        ];

        private Instruction[] Judge() => When(
            [Get(Slot.Subject), Op(Opcode.I32Eqz)],
            [
                Get(Slot.Digest), Set(Slot.OriginalDigest), Get(Slot.Outcome), Set(Slot.OriginalOutcome), Get(Slot.Trap), Set(Slot.OriginalTrap),
                .. Ending, Set(Slot.OriginalEnding),
                .. When([Get(Slot.Outcome), Instruction.I32Const(SweepOutcome.FuelExhausted), Op(Opcode.I32Eq)], Leave(OriginalOutOfFuel)),
            ],
            When(
                [
                    Get(Slot.OriginalEnding), .. Ending, Op(Opcode.I32Ne),
                    Get(Slot.Digest), Get(Slot.OriginalDigest), Op(Opcode.I64Ne), Op(Opcode.I32Or),
                    Get(Slot.Outcome), Get(Slot.OriginalOutcome), Op(Opcode.I32Ne), Op(Opcode.I32Or),
                ],
                Leave(Difference)));

        private Instruction[] SubjectAddress => [Get(Slot.Subject), Instruction.I32Const(SubjectShift), Op(Opcode.I32Shl)];

        // How the run that returned ended: it told a trap, or not.
        private Instruction[] Ending => [Instruction.I32Const(EndedWithTrap), Instruction.I32Const(EndedNormally), Get(Slot.Trap), Op(Opcode.Select)];

        private Instruction[] Count(ulong offset) =>
        [
            .. SubjectAddress, .. SubjectAddress, Instruction.Memory(Opcode.I32Load, offset, 2, memory), Instruction.I32Const(1), Op(Opcode.I32Add), Instruction.Memory(Opcode.I32Store, offset, 2, memory),
        ];

        private static Instruction[] When(Instruction[] condition, Instruction[] then, Instruction[]? otherwise = null) =>
        [
            .. condition, Instruction.Block(Opcode.If, BlockType.Empty), .. then, .. otherwise is null ? [] : new[] { Op(Opcode.Else) }, .. otherwise ?? [], Op(Opcode.End),
        ];

        private Instruction[] Increment(Slot slot) => [Get(slot), Instruction.I32Const(1), Op(Opcode.I32Add), Set(slot)];

        private static Instruction[] Leave(int code) => [Instruction.I32Const(code), Op(Opcode.Return)];

        private Instruction Get(Slot slot) => Instruction.Of(Opcode.GlobalGet, firstGlobal + (uint)slot);

        private Instruction Set(Slot slot) => Instruction.Of(Opcode.GlobalSet, firstGlobal + (uint)slot);

        private static Instruction Op(Opcode opcode) => Instruction.Of(opcode);

        private static Instruction Op(Opcode opcode, uint index) => Instruction.Of(opcode, index);
    }
}
