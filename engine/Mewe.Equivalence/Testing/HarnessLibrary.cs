using Mewe.Execution;
using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>What the bodies of a harness need of its library.</summary>
/// <param name="SizesMemory"><see cref="SubjectNeeds.SizesMemory"/>.</param>
/// <param name="BlindWord"><see cref="SubjectNeeds.BlindWord"/>.</param>
/// <param name="Traces">Runs are traced, to choose inputs.</param>
internal readonly record struct LibraryKind(bool SizesMemory, bool BlindWord, bool Traces);

/// <summary>
/// What harnesses for any function of a module have in common, as a module of its own: state, memories, and the functions that set runs up, write to memory, act as callees and hash. Most of a run's time is
/// spent there, so an engine compiles it once, and well, where each harness is compiled in a hurry. A harness extends it (<see cref="HarnessModule"/>): indices in the library are indices in the harness.
/// </summary>
internal sealed class HarnessLibrary
{
    /// <summary>Pages of the harness's own memory at the start: all before the inputs, and room for most lists of inputs. A harness that needs more adds them.</summary>
    public const int Pages = (HarnessState.EndOfLog + 0xFFFF >> 16) + 6;

    private readonly HarnessModule module;

    public HarnessLibrary(OriginalModule original, LibraryKind kind)
    {
        module = new HarnessModule(original.Module);
        Bookkeeping = (uint)original.Memories.Length;
        State = new HarnessState(module);
        Tracer = kind.Traces ? new RunTracer(module, State, Bookkeeping) : null;
        Runtime = new HarnessRuntime(module, State, Bookkeeping, original.Memories is [{ Limits.Is64: true }, ..], Tracer);
        Memories = new HarnessMemories(module, State, Runtime, original, kind.SizesMemory, Tracer);
        Memories.MakeUsual();
        Blind = kind.BlindWord ? new BlindWord(module, State, Runtime) : null;
        Callees = new CalleeModel(module, State, Runtime, Memories, Blind, original);
        Setup = new RunSetup(module, State, Runtime, Memories, Blind, original, Bookkeeping);
        Close = module.Declare(FunctionType.Of([], [ValueType.I64]));
        WriteClose();
        for (var m = 0; m < Memories.Count; m++)
        {
            var pages = Memories.PhysicalPages(m);
            module.AddMemory(new SizeLimits(pages, pages, Memories.Is64((uint)m)));
        }

        module.AddMemory(new SizeLimits(Pages, null));
        module.InlineLeaves();
        module.ExportAll();
        Module = new SweepLibrary(module.Write());
    }

    public SweepLibrary Module { get; }

    public HarnessState State { get; }

    public HarnessRuntime Runtime { get; }

    public HarnessMemories Memories { get; }

    public CalleeModel Callees { get; }

    public RunSetup Setup { get; }

    public RunTracer? Tracer { get; }

    public BlindWord? Blind { get; }

    /// <summary>Index of the harness's own memory.</summary>
    public uint Bookkeeping { get; }

    /// <summary>() -> i64: what ends a digest: sizes, dropped segments and whether the run came to its end.</summary>
    public uint Close { get; }

    /// <summary>A module that extends this one.</summary>
    public HarnessModule NewHarness() => new(module);

    private void WriteClose()
    {
        var code = module.Code(Close);
        Memories.AbsorbSizes(code);
        module.Define(Close, code.Global(State.Dropped).Call(Runtime.Absorb).Global(State.Completed).Op(I64ExtendI32U).Call(Runtime.Absorb).Global(State.Trace));
    }
}
