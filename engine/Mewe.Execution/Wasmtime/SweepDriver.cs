using System.Collections.Immutable;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Execution.Wasmtime;

/// <summary>
/// The inner loop of a sweep, as a WebAssembly module: a call from one module to another costs a few nanoseconds, one from .NET many times that. It runs subjects and compares them as long as nothing remarkable
/// happens, and returns (or traps) when something does. The same design as Node/Worker/driver.js.
/// </summary>
/// <remarks>
/// The harness's functions stand in its tables. Their types are checked before (<see cref="Matches"/>): a function of another type would trap when it is called, as would the original beside it, and both would seem to
/// agree. Nothing newer than indirect calls through several tables is used, so that every compiler of the library can translate the driver. Memory: at 16 * k for subject k: u32 active, u32 how often compared, u32 how often trapped; from <c>digestsAt</c> on the digests that are kept, u64 each at subject * inputs + index.
/// </remarks>
internal static class SweepDriver
{
    /// <summary>What <c>resume</c> returns.</summary>
    public const int Done = 0, OriginalOutOfFuel = 1, Difference = 2;

    /// <summary>Log2 of the bytes per subject.</summary>
    public const int SubjectShift = 4;

    /// <summary>How the original ended: normally, with an exception, with a trap.</summary>
    public const int EndedNormally = 0, EndedWithException = 1, EndedWithTrap = 2;

    // Types, and the tables of these types: all indirect calls go through the table with the number of their type.
    private const uint SubjectType = 0, DigestType = 1, OutcomeType = 2;

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

    /// <summary>The module.</summary>
    public static byte[] Bytes { get; } = Build();

    /// <summary>Whether an exported function of a harness has exactly the type that the driver calls through a table: the same parameters and results, and neither subtypes nor companions.</summary>
    public static bool Matches(WasmModule harness, uint function, int type)
    {
        var index = harness.AllFunctionTypes()[(int)function];
        foreach (var group in harness.TypeGroups)
        {
            if (index < group.Members.Length)
            {
                return group.Members is [{ IsPlain: true } only] && only.Type.Equals(Types[type]);
            }

            index -= (uint)group.Members.Length;
        }

        return false;
    }

    /// <summary>The export name of a table.</summary>
    public static string TableName(int type) => $"table {type}";

    private static byte[] Build()
    {
        var module = new WasmModule();
        foreach (var type in Types)
        {
            module.TypeGroups.Add(RecursionGroup.Single(type));
        }

        for (var type = SubjectType; type <= OutcomeType; type++)
        {
            module.Tables.Add(new Table(new TableType(Wasm.ValueType.FuncRef, new SizeLimits(1, null))));
            module.Exports.Add(new Export(TableName((int)type), ExternKind.Table, type));
        }

        module.Memories.Add(new MemoryType(new SizeLimits(1, null)));
        module.Exports.Add(new Export("memory", ExternKind.Memory, 0));
        foreach (var (slot, type) in Globals)
        {
            var zero = type == Wasm.ValueType.I64 ? Instruction.I64Const(0) : Instruction.I32Const(0);
            module.Globals.Add(new Global(new GlobalType(type, true), ConstantExpression.Of(zero)));
            module.Exports.Add(new Export(slot.ToString(), ExternKind.Global, (uint)slot));
        }

        module.AddFunction(OutcomeType, new FunctionBody(new FunctionCode([], Resume())));
        module.Exports.Add(new Export("resume", ExternKind.Function, 0));
        return ModuleWriter.Write(module);
    }

    // Goes on at (index, subject): loop { if index >= inputs: done; loop { while subject < subjects ...; subject++ }; index++; subject = 0 }
    private static ImmutableArray<Instruction> Resume() =>
    [
        Instruction.Block(Opcode.Loop, BlockType.Empty),
        .. When([Get(Slot.Index), Get(Slot.Inputs), Op(Opcode.I32GeU)], Leave(Done)),
        Instruction.Block(Opcode.Loop, BlockType.Empty),
        .. When(
            [Get(Slot.Subject), Get(Slot.Subjects), Op(Opcode.I32LtU)],
            [
                .. When([.. SubjectAddress, Instruction.Memory(Opcode.I32Load, 0, 2)], [.. RunSubject(), .. Judge(), .. Count(4)]),
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

    private static Instruction[] RunSubject() =>
    [
        .. Increment(Slot.Executions),
        Get(Slot.First), Get(Slot.Index), Op(Opcode.I32Add), Get(Slot.Subject), CallTable(SubjectType),
        Instruction.I32Const(0), CallTable(DigestType), Set(Slot.Digest),
        Instruction.I32Const(0), CallTable(OutcomeType), Set(Slot.Outcome),
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
                Get(Slot.Digest), Instruction.Memory(Opcode.I64Store, 0, 3),
            ]),
    ];

    private static Instruction[] Judge() => When(
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

    private static Instruction[] SubjectAddress => [Get(Slot.Subject), Instruction.I32Const(SubjectShift), Op(Opcode.I32Shl)];

    // How the run that returned ended: it told a trap, or not.
    private static Instruction[] Ending => [Instruction.I32Const(EndedWithTrap), Instruction.I32Const(EndedNormally), Get(Slot.Trap), Op(Opcode.Select)];

    private static Instruction[] Count(ulong offset) =>
    [
        .. SubjectAddress, .. SubjectAddress, Instruction.Memory(Opcode.I32Load, offset, 2), Instruction.I32Const(1), Op(Opcode.I32Add), Instruction.Memory(Opcode.I32Store, offset, 2),
    ];

    private static Instruction[] When(Instruction[] condition, Instruction[] then, Instruction[]? otherwise = null) =>
    [
        .. condition, Instruction.Block(Opcode.If, BlockType.Empty), .. then, .. otherwise is null ? [] : new[] { Op(Opcode.Else) }, .. otherwise ?? [], Op(Opcode.End),
    ];

    private static Instruction[] Increment(Slot slot) => [Get(slot), Instruction.I32Const(1), Op(Opcode.I32Add), Set(slot)];

    private static Instruction[] Leave(int code) => [Instruction.I32Const(code), Op(Opcode.Return)];

    private static Instruction CallTable(uint type) => Instruction.Of(Opcode.CallIndirect, type, type);

    private static Instruction Get(Slot slot) => Instruction.Of(Opcode.GlobalGet, (uint)slot);

    private static Instruction Set(Slot slot) => Instruction.Of(Opcode.GlobalSet, (uint)slot);

    private static Instruction Op(Opcode opcode) => Instruction.Of(opcode);

    private static Instruction Op(Opcode opcode, uint index) => Instruction.Of(opcode, index);
}
