using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>What a set of bodies refers to, so that a harness carries that and nothing else; or why it cannot carry them.</summary>
internal sealed class SubjectNeeds(OriginalModule module)
{
    public SortedSet<uint> Globals { get; } = [];

    public SortedSet<uint> DataSegments { get; } = [];

    /// <summary>True where a body names the blind word.</summary>
    public bool BlindWord { get; private set; }

    /// <summary>True where a body asks for the size of a memory or grows one: then sizes are virtual, and every access is checked against them.</summary>
    public bool SizesMemory { get; private set; }

    /// <summary>Why the bodies cannot be run in a harness; null when they can.</summary>
    public string? Unsupported { get; private set; }

    public SubjectNeeds AddSignature(FunctionType type)
    {
        foreach (var parameter in type.Parameters)
        {
            if (parameter.IsReference && !parameter.IsNullable)
            {
                Unsupported ??= $"a parameter of type {parameter}";
            }
        }

        return this;
    }

    public SubjectNeeds Add(FunctionCode code)
    {
        foreach (ref readonly var instruction in code.Instructions.AsSpan())
        {
            Add(instruction);
        }

        return this;
    }

    private void Add(in Instruction instruction)
    {
        switch (instruction.Opcode)
        {
            case Opcode.GlobalGet or Opcode.GlobalSet when instruction.Index == Diversify.VariantCode.BlindGlobal:
                BlindWord = true;
                return;
            case Opcode.GlobalGet or Opcode.GlobalSet:
                if (Globals.Add(instruction.Index) && module.GlobalTypes[(int)instruction.Index].Value is { IsReference: true, IsNullable: false } type)
                {
                    Unsupported ??= $"a global of type {type}";
                }

                return;
            case Opcode.MemorySize or Opcode.MemoryGrow:
                SizesMemory = true;
                return;
            case Opcode.MemoryInit or Opcode.DataDrop:
                DataSegments.Add(instruction.Index);
                if (DataSegments.Count > 64)
                {
                    Unsupported ??= "more than 64 data segments in one function";
                }

                return;
            case Opcode.Call or Opcode.ReturnCall:
                if (instruction.Index < Diversify.VariantCode.OutlinedBase)
                {
                    AddCallee(module.TypeOf(instruction.Index));
                }

                return;
            case Opcode.CallIndirect or Opcode.ReturnCallIndirect or Opcode.CallRef or Opcode.ReturnCallRef:
                AddCallee(module.Module.FunctionTypeAt(instruction.Index));
                return;
            case Opcode.MemoryAtomicNotify or Opcode.MemoryAtomicWait32 or Opcode.MemoryAtomicWait64:
                Unsupported ??= $"{instruction.Info.Name} waits for other threads";
                return;
        }

        var info = instruction.Info;
        if ((info.Effects & (Effects.ReadsTable | Effects.WritesTable)) != 0 || instruction.Opcode == Opcode.ElemDrop)
        {
            Unsupported ??= $"{info.Name}: tables are not modelled";
        }
        else if (info.Feature is Feature.Exceptions or Feature.LegacyExceptions)
        {
            Unsupported ??= $"{info.Name}: exceptions are not modelled";
        }
        else if (info.Feature == Feature.Gc)
        {
            Unsupported ??= $"{info.Name}: heap objects are not modelled";
        }
    }

    private void AddCallee(FunctionType type)
    {
        foreach (var result in type.Results)
        {
            if (result.IsReference && !result.IsNullable)
            {
                Unsupported ??= $"a call that gives a {result}";
            }
        }
    }
}
