using Mewe.Wasm;

namespace Mewe.Linking.Dispatch;

/// <summary>
/// The body that takes the place of a diversified function. As <see cref="DispatchForm.BranchTable"/>:
/// <code>
///   block ... block              ;; one for each choice
///     choose                     ;; i32 below the number of choices
///     br_table 0 1 2 ...
///   end  local.get*  call f.original   return
///   end  local.get*  call f.1          return
///   ...
///   end  local.get*  call f.n
/// </code>
/// and as <see cref="DispatchForm.BinarySearch"/> the same arms below nested comparisons. Whatever happens in the callee (a result, a trap, an exception) passes through it unchanged.
/// </summary>
/// <remarks>
/// What it costs is a frame on the stack: in the worst case measured a recursion gets half as deep as before (V8 14.6: 8,940 instead of 17,883 calls of a small
/// function, 6,258 instead of 9,629 of one with twelve live locals). Stack depth is not observable in the sense of Mewe.
/// </remarks>
internal sealed class DispatcherCode
{
    private readonly CodeBuilder code;
    private readonly IReadOnlyList<uint> choices;
    private readonly bool tailCalls;
    private readonly InlinedBodies? inlined;

    private DispatcherCode(CodeBuilder code, IReadOnlyList<uint> choices, bool tailCalls, InlinedBodies? inlined) =>
        (this.code, this.choices, this.tailCalls, this.inlined) = (code, choices, tailCalls, inlined);

    private int Last => choices.Count - 1;

    /// <param name="type">Of the function.</param>
    /// <param name="choices">The functions to choose from, which all have the dispatcher's type.</param>
    /// <param name="tailCalls">
    /// Use return_call in the arms. A module that makes tail calls relies on them to run in bounded stack. Its functions now reach each other through
    /// dispatchers, and an ordinary call in a dispatcher would keep a frame for each of a million iterations. Modules that make none keep ordinary calls:
    /// return_call would make them need a feature that they did not need.
    /// </param>
    /// <param name="choose">Pushes the choice.</param>
    /// <param name="bodies">For <see cref="DispatchForm.Inlined"/>: the bodies of the choices, with indices of the multivariant module.</param>
    public static FunctionBody Write(FunctionType type, IReadOnlyList<uint> choices, bool tailCalls, DispatchForm form, Action<CodeBuilder> choose, IReadOnlyList<FunctionCode>? bodies = null)
    {
        var code = new CodeBuilder(type.Parameters.Length);
        var dispatcher = new DispatcherCode(code, choices, tailCalls, form == DispatchForm.Inlined ? new InlinedBodies(code, type, bodies!) : null);
        if (form == DispatchForm.BinarySearch)
        {
            choose(code);
            var choice = code.Local(ValueType.I32);
            code.Set(choice);
            dispatcher.Search(choice, 0, choices.Count);
        }
        else
        {
            dispatcher.BranchTable(choose);
        }

        return code.Body();
    }

    /// <summary>A dispatcher with inlined bodies as one that calls them: the same choices, by the same code. For instrumented builds, in which the bodies record themselves.</summary>
    /// <param name="dispatcher">As <see cref="Write"/> gave it, with <see cref="DispatchForm.Inlined"/>.</param>
    /// <exception cref="WasmException">It is something else.</exception>
    public static FunctionBody WithCalls(FunctionBody dispatcher, FunctionType type, IReadOnlyList<uint> choices)
    {
        var inlined = dispatcher.Decode();
        var depth = 0;
        for (var i = 0; i < inlined.Instructions.Length; i++)
        {
            var instruction = inlined.Instructions[i];
            depth += instruction.Opcode is Opcode.Block or Opcode.If ? 1 : instruction.Opcode == Opcode.End ? -1 : 0;
            if (instruction.Opcode == Opcode.BrTable && depth == choices.Count)
            {
                var code = new CodeBuilder(type.Parameters.Length);
                foreach (var local in inlined.LocalTypes())
                {
                    code.Local(local);
                }

                foreach (var choosing in inlined.Instructions[..(i + 1)])
                {
                    code.Add(choosing);
                }

                new DispatcherCode(code, choices, MakesTailCalls(inlined), null).Arms();
                return code.Body();
            }
        }

        throw new WasmException(WasmErrorKind.Invalid, dispatcher.Offset, "this is no dispatcher with inlined bodies");
    }

    /// <summary>Whether any function of the module makes a tail call.</summary>
    /// <exception cref="WasmException">Malformed.</exception>
    public static bool MakesTailCalls(FunctionCode code)
    {
        foreach (ref readonly var instruction in code.Instructions.AsSpan())
        {
            if (instruction.Opcode is Opcode.ReturnCall or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef)
            {
                return true;
            }
        }

        return false;
    }

    private void BranchTable(Action<CodeBuilder> choose)
    {
        for (var i = 0; i < choices.Count; i++)
        {
            code.Open(Opcode.Block);
        }

        choose(code);
        code.Add(Instruction.BranchTable([.. Enumerable.Range(0, Last).Select(i => (uint)i)], (uint)Last));
        Arms();
    }

    private void Arms()
    {
        for (var i = 0; i < choices.Count; i++)
        {
            code.End();
            Arm(i);
        }
    }

    /// <summary>The arms from <paramref name="first"/> to before <paramref name="end"/>. Every one but the very last returns, so nothing comes out of an if.</summary>
    private void Search(uint choice, int first, int end)
    {
        if (end - first == 1)
        {
            Arm(first);
            return;
        }

        var middle = first + ((end - first) / 2);
        code.Get(choice).I32(middle).Op(Opcode.I32LtU).Open(Opcode.If);
        Search(choice, first, middle);
        code.End();
        Search(choice, middle, end);
    }

    private void Arm(int choice)
    {
        if (inlined is not null)
        {
            inlined.Write(choice);
            if (choice < Last)
            {
                code.Op(Opcode.Return);
            }

            return;
        }

        code.Parameters();
        if (tailCalls)
        {
            code.Op(Opcode.ReturnCall, choices[choice]);
            return;
        }

        code.Call(choices[choice]);
        if (choice < Last)
        {
            code.Op(Opcode.Return);
        }
    }
}
