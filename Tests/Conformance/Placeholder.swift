import Apus
import Testing
