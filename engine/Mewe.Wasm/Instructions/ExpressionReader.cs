using Mewe.Wasm.Binary;

namespace Mewe.Wasm;

/// <summary>Where decoded instructions go. A structure, so that the reader is compiled for each kind and calls it directly.</summary>
internal interface IInstructionSink
{
    void Add(in Instruction instruction, long offset);
}

/// <summary>Reads instructions up to and with the end that closes the expression, and checks that blocks nest (specification, 5.4.9).</summary>
internal static class ExpressionReader
{
    /// <param name="openers">Room for the blocks that are open; cleared first.</param>
    public static void Read<TSink>(ref BinaryDecoder decoder, ref TSink sink, Stack<Opcode> openers)
        where TSink : struct, IInstructionSink
    {
        openers.Clear();
        while (true)
        {
            var at = decoder.Offset;
            var instruction = InstructionCodec.Read(ref decoder);
            sink.Add(instruction, at);
            switch (instruction.Opcode)
            {
                case Opcode.Else:
                    if (!openers.TryPop(out var opener) || opener != Opcode.If)
                    {
                        throw new WasmException(WasmErrorKind.Malformed, at, "else without if");
                    }

                    openers.Push(Opcode.Else);
                    break;
                case Opcode.Catch or Opcode.CatchAll:
                    if (!openers.TryPop(out opener) || opener is not (Opcode.Try or Opcode.Catch))
                    {
                        throw new WasmException(WasmErrorKind.Malformed, at, "catch without try");
                    }

                    openers.Push(instruction.Opcode);
                    break;
                case Opcode.Delegate:
                    if (!openers.TryPop(out opener) || opener != Opcode.Try)
                    {
                        throw new WasmException(WasmErrorKind.Malformed, at, "delegate without try");
                    }

                    break;
                case Opcode.End:
                    if (!openers.TryPop(out _))
                    {
                        return;
                    }

                    break;
                default:
                    if (instruction.OpensBlock)
                    {
                        if (openers.Count >= Limits.MaxNestingDepth)
                        {
                            throw new WasmException(WasmErrorKind.LimitExceeded, at, $"blocks nested deeper than {Limits.MaxNestingDepth}");
                        }

                        openers.Push(instruction.Opcode);
                    }

                    break;
            }
        }
    }
}
