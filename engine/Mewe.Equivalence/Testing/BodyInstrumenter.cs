using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>What <see cref="BodyInstrumenter"/> replaces indices by.</summary>
internal sealed record HarnessIndices(
    ImmutableDictionary<uint, HarnessGlobal> Globals, ImmutableDictionary<uint, (uint Index, int Length, int Bit)> DataSegments, uint? BlindWord);

/// <summary>
/// Rewrites a body for the harness in one pass, instruction by instruction. This is part of the oracle, so it is kept simple: each instruction is either copied
/// or replaced by a short sequence with the same operands and results, and none depends on its neighbours.
/// <list type="table">
/// <item><term>store, atomic write, lane store</term><description>static offset; call <see cref="HarnessMemories.Write"/></description></item>
/// <item><term>load</term><description>its address is checked and it is copied; or the harness's own where sizes are virtual or loads are traced</description></item>
/// <item><term>unreachable</term><description>ends the run with an outcome, as do failing checks: see <see cref="Leaving"/></description></item>
/// <item><term>memory.fill, copy, init, grow, size; data.drop</term><description>the harness's own</description></item>
/// <item><term>call, call_indirect, call_ref, return_call*</term><description>callee's identity; call <see cref="CallStubs.Stub"/>; return</description></item>
/// <item><term>loop</term><description>burns one unit of fuel at its head</description></item>
/// <item><term>float arithmetic</term><description>a NaN it gives is made canonical</description></item>
/// <item><term>if, br_if, br_table, select</term><description>copied; the condition is noted first where coverage is wanted</description></item>
/// <item><term>global.get, global.set, ref.func</term><description>the harness's index</description></item>
/// </list>
/// </summary>
internal sealed class BodyInstrumenter(
    OriginalModule original, HarnessModule module, HarnessLibrary library, HarnessMemories memories, CallStubs stubs, HarnessIndices indices)
{
    /// <summary>Callee identities that are no function index: beyond <see cref="Limits.MaxFunctions"/>.</summary>
    private const int ThroughTable = 0x1000_0000, ThroughReference = 0x2000_0000;

    private readonly ImmutableArray<Instruction>.Builder output = ImmutableArray.CreateBuilder<Instruction>(1024);
    private readonly HarnessState state = library.State;
    private readonly HarnessRuntime runtime = library.Runtime;
    private readonly RunTracer? tracer = library.Tracer;
    private readonly BinaryEncoder encoder = new(4096);
    private readonly List<ValueType> scratch = [];

    /// <summary>What of a body is needed to rewrite its instructions.</summary>
    /// <param name="Locals">How many it has; locals of the harness's own come behind them.</param>
    private readonly record struct Rewriting(Leaving Leaving, uint Locals);

    /// <summary>The code to put into the harness.</summary>
    /// <param name="type">The function's.</param>
    /// <param name="outlined">Harness indices of the candidate's outlined functions.</param>
    public FunctionBody Instrument(FunctionType type, FunctionCode code, ReadOnlySpan<uint> outlined)
    {
        output.Clear();
        scratch.Clear();
        var locals = (uint)(type.Parameters.Length + code.Locals.Sum(group => group.Count));
        var rewriting = new Rewriting(new Leaving(type), locals);
        var outcomes = 0;
        foreach (ref readonly var instruction in code.Instructions.AsSpan())
        {
            if (tracer is null || !Trace(instruction, tracer, ref outcomes))
            {
                Rewrite(rewriting, instruction, outlined);
            }
        }

        return Encode(code.Locals);
    }

    // Encoded at once: there are many candidates, and instructions take ten times as much room as their bytes.
    private FunctionBody Encode(ImmutableArray<LocalGroup> locals)
    {
        encoder.Clear();
        encoder.U32((uint)(locals.Length + scratch.Count));
        foreach (var group in locals)
        {
            encoder.U32(group.Count);
            encoder.ValueType(group.Type);
        }

        foreach (var type in scratch)
        {
            encoder.U32(1);
            encoder.ValueType(type);
        }

        for (var i = 0; i < output.Count; i++)
        {
            InstructionCodec.Write(encoder, output.ItemRef(i));
        }

        return FunctionBody.FromContent(encoder.ToArray());
    }

    /// <summary>The branches and comparisons of a body, in order.</summary>
    public static IReadOnlyList<BranchSite> Sites(FunctionCode code)
    {
        var sites = new List<BranchSite>();
        var first = 0;
        foreach (ref readonly var instruction in code.Instructions.AsSpan())
        {
            if (OutcomesOf(instruction) is > 0 and var size)
            {
                sites.Add(new BranchSite(first, size, !RunTracer.IsComparison(instruction.Opcode)));
                first += size;
            }
        }

        return sites;
    }

    private static int OutcomesOf(in Instruction instruction) => instruction.Opcode switch
    {
        If or BrIf or Select or SelectTyped => 2,
        BrTable => instruction.Labels.Length + 1,
        var opcode => RunTracer.HasSign(opcode) ? 3 : RunTracer.IsComparison(opcode) ? 2 : 0,
    };

    /// <summary>Notes what a branch is about to do; a comparison is replaced, which is what true says.</summary>
    private bool Trace(in Instruction instruction, RunTracer tracer, ref int outcomes)
    {
        if (OutcomesOf(instruction) is not (> 0 and var size))
        {
            return false;
        }

        output.Add(Instruction.I32Const(outcomes));
        outcomes += size;
        if (RunTracer.IsComparison(instruction.Opcode))
        {
            output.Add(Instruction.Call(tracer.Compare(instruction.Opcode)));
            return true;
        }

        if (instruction.Opcode == BrTable)
        {
            output.Add(Instruction.I32Const(size - 1));
            output.Add(Instruction.Call(tracer.Table));
        }
        else
        {
            output.Add(Instruction.Call(tracer.Branch));
        }

        return false;
    }

    private void Rewrite(in Rewriting rewriting, in Instruction instruction, ReadOnlySpan<uint> outlined)
    {
        switch (instruction.Opcode)
        {
            case Call or ReturnCall when instruction.Index >= VariantCode.OutlinedBase:
                output.Add(Instruction.Call(outlined[(int)(instruction.Index - VariantCode.OutlinedBase)]));
                runtime.LeaveIfEnded(output, rewriting.Leaving);
                break;
            case Call or ReturnCall:
                CallOut(rewriting, original.TypeOf(instruction.Index), (int)instruction.Index);
                break;
            case CallIndirect or ReturnCallIndirect:
                output.Add(Instruction.Call(stubs.Absorber(original.Tables[(int)instruction.Index2].Limits.AddressType)));
                CallOut(rewriting, original.Module.FunctionTypeAt(instruction.Index), ThroughTable + (int)instruction.Index2);
                break;
            case CallRef or ReturnCallRef:
                output.Add(Instruction.Of(RefAsNonNull));
                output.Add(Instruction.Of(Drop));
                CallOut(rewriting, original.Module.FunctionTypeAt(instruction.Index), ThroughReference);
                break;
            case GlobalGet or GlobalSet when instruction.Index == VariantCode.BlindGlobal:
                output.Add(instruction.WithIndex(indices.BlindWord!.Value));
                break;
            case GlobalGet or GlobalSet:
                output.Add(instruction.WithIndex(indices.Globals[instruction.Index].Index));
                break;
            case RefFunc:
                output.Add(instruction.WithIndex(module.Dummy(original.TypeIndexOf(instruction.Index), original.TypeOf(instruction.Index))));
                break;
            case Loop:
                output.Add(instruction);
                runtime.Tick(output, rewriting.Leaving);
                break;
            case MemorySize:
                memories.Size(output, instruction.Index);
                break;
            case MemoryGrow:
                output.Add(Instruction.Call(memories.Grow(instruction.Index)));
                break;
            case MemoryFill or MemoryCopy:
                output.Add(Instruction.Call(memories.Bulk(instruction)));
                break;
            case MemoryInit:
                output.Add(Instruction.Call(memories.Bulk(instruction, indices.DataSegments[instruction.Index])));
                break;
            case DataDrop:
                output.Add(Instruction.Of(GlobalGet, state.Dropped));
                output.Add(Instruction.I64Const(1L << indices.DataSegments[instruction.Index].Bit));
                output.Add(Instruction.Of(I64Or));
                output.Add(Instruction.Of(GlobalSet, state.Dropped));
                break;
            case Unreachable:
                runtime.Trap(output, TrapKind.Unreachable, rewriting.Leaving);
                break;
            default:
                Other(rewriting, instruction);
                break;
        }

        if (instruction.Opcode is ReturnCall or ReturnCallIndirect or ReturnCallRef)
        {
            output.Add(Instruction.Of(Return));
        }
    }

    private void CallOut(in Rewriting rewriting, FunctionType type, int callee)
    {
        output.Add(Instruction.I32Const(callee));
        output.Add(Instruction.Call(stubs.Stub(type)));
        runtime.LeaveIfEnded(output, rewriting.Leaving);
    }

    private void Other(in Rewriting rewriting, in Instruction instruction)
    {
        var info = instruction.Info;
        if (info.Immediate is ImmediateKind.Memory or ImmediateKind.MemoryLane)
        {
            var isWrite = MemoryAccess.Writes(instruction.Opcode);
            if (isWrite || memories.ReplacesLoads)
            {
                output.Add(Instruction.I64Const((long)instruction.Bits));
                output.Add(Instruction.Call(isWrite ? memories.Write(instruction) : memories.Read(instruction)));
                runtime.LeaveIfEnded(output, rewriting.Leaving);
                return;
            }

            if (info.Operands == "a")
            {
                CheckAddress(rewriting, instruction);
            }
        }

        output.Add(instruction);
        if (FloatResults.Canonicalized(instruction.Opcode) is { } result)
        {
            CanonicalNan.Emit(output, result.Type, result.Doubles, Scratch(rewriting, result.Type));
        }
    }

    /// <summary>A local of the harness's own, which holds a value for a few instructions.</summary>
    private uint Scratch(in Rewriting rewriting, ValueType type)
    {
        var at = scratch.IndexOf(type);
        if (at < 0)
        {
            at = scratch.Count;
            scratch.Add(type);
        }

        return rewriting.Locals + (uint)at;
    }

    /// <summary>Before a load whose address is on the stack: ends the run where it would trap.</summary>
    private void CheckAddress(in Rewriting rewriting, in Instruction load)
    {
        if (memories.LastAddress(load.Index, load.Bits, MemoryAccess.Width(load.Opcode)) is not { } last)
        {
            runtime.Trap(output, TrapKind.OutOfBoundsMemory, rewriting.Leaving);
            return;
        }

        var is64 = memories.Is64(load.Index);
        var address = Scratch(rewriting, is64 ? ValueType.I64 : ValueType.I32);
        output.Add(Instruction.LocalTee(address));
        output.Add(is64 ? Instruction.I64Const((long)last) : Instruction.I32Const((int)last));
        output.Add(Instruction.Of(is64 ? I64GtU : I32GtU));
        output.Add(Instruction.Block(If, BlockType.Empty));
        runtime.Trap(output, TrapKind.OutOfBoundsMemory, rewriting.Leaving);
        output.Add(Instruction.Of(End));
        output.Add(Instruction.LocalGet(address));
    }
}
